"""Who is who and what HR filed. Whatever changes marks the days it touches, in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, Table, delete, select

from core.person import Filing, Link, Person
from core.ports import Mark
from store.records.database import Database, Row, pieces, upsert
from store.records.marks import FOREVER, add_marks
from store.records.tables import accounts, filings, links, persons


class PeopleRecords:
    """Adapter of `core.ports.People`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_persons(self, new: Sequence[Person], linked: Sequence[Link]) -> None:
        """Persons and their links become these; what was there of other persons stays. Marks what changed."""
        fresh = {person.id: asdict(person) for person in new}
        with self._database.writing() as connection:
            ids = pieces(list(fresh))
            known = {row["id"]: row for some in ids for row in _rows(connection, persons, persons.c.id.in_(some))}
            changed = [person for person, row in fresh.items() if known.get(person) != row]
            upsert(connection, persons, [fresh[person] for person in changed])
            touched = {f"person:{person}" for person in changed}
            touched |= self._replace_links(connection, fresh, [asdict(link) for link in linked])
            add_marks(connection, [Mark(subject=subject, first=date(1970, 1, 1), last=FOREVER) for subject in touched])

    def _replace_links(self, connection: Connection, of: Iterable[str], fresh: Sequence[Row]) -> set[str]:
        known = [row for some in pieces(list(of)) for row in _rows(connection, links, links.c.person.in_(some))]
        numbers = {_link_key(row): row["number"] for row in known}
        wanted = {_link_key(row): row for row in fresh}
        gone = [numbers[key] for key in numbers.keys() - wanted.keys()]
        for piece in pieces(gone):
            connection.execute(delete(links).where(links.c.number.in_(piece)))
        added = [wanted[key] for key in sorted(wanted.keys() - numbers.keys(), key=repr)]
        for rows in pieces(added):
            connection.execute(links.insert(), list(rows))
        changed = (numbers.keys() - wanted.keys()) | (wanted.keys() - numbers.keys())
        return {subject for key in changed for subject in (str(key[0]), f"person:{key[1]}")}

    def save_filings(self, new: Sequence[Filing], replay_days: int) -> None:
        """Filings are added, or corrected where account, time and kind agree; marks the past they look back on."""
        with self._database.writing() as connection:
            known = set(_filings(connection))
            changed = [filing for filing in new if filing not in known]
            upsert(connection, filings, [asdict(filing) for filing in changed])
            back = timedelta(days=replay_days)
            add_marks(
                connection,
                [Mark(subject=f.account, first=(f.filed - back).date(), last=FOREVER) for f in changed],
            )

    def persons(self) -> Sequence[Person]:
        with self._database.reading() as connection:
            return [Person(**row) for row in _rows(connection, persons)]

    def links(self) -> Sequence[Link]:
        with self._database.reading() as connection:
            rows = _rows(connection, links)
        return [Link(**{name: value for name, value in row.items() if name != "number"}) for row in rows]

    def filings(self) -> Sequence[Filing]:
        with self._database.reading() as connection:
            return _filings(connection)

    def accounts(self) -> Mapping[str, Sequence[str]]:
        with self._database.reading() as connection:
            query = select(accounts.c.account, accounts.c["keys"]).order_by(accounts.c.account, accounts.c.source)
            rows = connection.execute(query).all()
        merged = {}
        for account, of in groupby(rows, key=lambda row: str(row[0])):
            merged[account] = sorted({key for _, keys in of for key in json.loads(keys)})
        return merged

    def account_sources(self) -> Mapping[str, frozenset[str]]:
        """The accounts seen in each source."""
        with self._database.reading() as connection:
            query = select(accounts.c.source, accounts.c.account).order_by(accounts.c.source)
            rows = connection.execute(query).all()
        return {source: frozenset(row[1] for row in of) for source, of in groupby(rows, key=lambda row: str(row[0]))}


def see_accounts(connection: Connection, source: str, seen: Mapping[str, Sequence[str]]) -> None:
    """Note accounts met in a source with the other keys beside them; an account that gains a key is marked whole."""
    known: dict[str, list[str]] = {}
    for piece in pieces(sorted(seen)):
        where = (accounts.c.source == source) & accounts.c.account.in_(piece)
        known |= {row["account"]: json.loads(row["keys"]) for row in _rows(connection, accounts, where)}
    merged = {account: sorted({*keys, *known.get(account, ())}) for account, keys in seen.items()}
    changed = {account: keys for account, keys in merged.items() if known.get(account) != keys}
    rows = [{"account": account, "source": source, "keys": json.dumps(keys)} for account, keys in changed.items()]
    upsert(connection, accounts, rows)
    grown = [account for account in changed if account in known]
    add_marks(connection, [Mark(subject=account, first=date(1970, 1, 1), last=FOREVER) for account in grown])


def _rows(connection: Connection, table: Table, where: ColumnElement[bool] | None = None) -> list[Row]:
    query = select(table).order_by(*table.primary_key)
    return [dict(row) for row in connection.execute(query if where is None else query.where(where)).mappings()]


def _filings(connection: Connection) -> list[Filing]:
    return [Filing(**row) for row in _rows(connection, filings)]


def _link_key(row: Row) -> tuple[object, ...]:
    names = ("account", "person", "since", "until", "confidence", "origin")
    return tuple(row[name] for name in names)
