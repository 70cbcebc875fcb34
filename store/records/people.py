"""Who is who and what HR filed. Whatever changes marks the days it touches, in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, Table, delete, select

from core.calendar import CompanyCalendar
from core.canonical import content_id, moment_text
from core.directory import Directory
from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from core.person import Filing, Link, Person, Stage
from core.ports import AT_ONCE, Mark
from store.records.audit import note_in
from store.records.bearing import colleagues, colleagues_of, leavers, leavers_of, post_of
from store.records.database import PEOPLE_VERSION, Database, Row, pieces, upsert
from store.records.happenings import happen_in
from store.records.marks import EVER, FOREVER, add_marks
from store.records.notices import withdraw_resting
from store.records.tables import accounts as account_table
from store.records.tables import filings as filing_table
from store.records.tables import links as link_table
from store.records.tables import persons as person_table
from store.records.tables import settings

JOINED = ("email", "department", "title")
"""What rules may know of a person: a change of these is judged again."""

_VERSION = select(settings.c.value).where(settings.c.name == PEOPLE_VERSION)


class PeopleRecords:
    """Adapter of `core.ports.People`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_persons(self, persons: Sequence[Person], links: Sequence[Link], by: str = "") -> None:
        """Persons become these, and their links those given, for each origin given; what was there of other persons
        and origins stays. Links from the employees' list are always replaced. Marks what changed, and those who have
        other colleagues, or of whose files others are now known to have taken some."""
        with self._database.writing() as connection:
            changed = save_people(connection, persons, links, {"employees", *(link.origin for link in links)})
            if by:
                details = {"what": "list of employees", "persons": changed}
                note_in(
                    connection, AuditEntry(at=datetime.now(UTC), by=by, deed=Deed.ENTERED, about=(), details=details)
                )

    def save_filings(self, filings: Sequence[Filing], replay_days: int, by: str = "leaverwatch") -> None:
        """Filings are added, or corrected where account, time and kind agree; marks the past they look back on.
        A filing missing from a later list stays: a departure ends by a withdrawal, not by silence."""
        latest = {_filing_key(filing): filing for filing in filings}
        with self._database.writing() as connection:
            known = {_filing_key(filing): filing for filing in _filings(connection)}
            changed = [filing for key, filing in latest.items() if known.get(key) != filing]
            upsert(connection, filing_table, [asdict(filing) for filing in changed])
            marks = [
                Mark(subject=f.account, first=_back(f, replay_days), last=FOREVER, urgent=AT_ONCE) for f in changed
            ]
            add_marks(connection, marks)
            if changed:
                _received(connection, changed, by)

    def persons(self) -> Sequence[Person]:
        with self._database.reading() as connection:
            return [Person(**row) for row in _rows(connection, person_table)]

    def links(self) -> Sequence[Link]:
        with self._database.reading() as connection:
            rows = _rows(connection, link_table)
        return [_link(row) for row in rows]

    def filings(self) -> Sequence[Filing]:
        with self._database.reading() as connection:
            return _filings(connection)

    def accounts(self) -> Mapping[str, Sequence[str]]:
        with self._database.reading() as connection:
            return _accounts(connection)

    def people_version(self) -> str:
        with self._database.reading() as connection:
            found = connection.execute(_VERSION).scalar()
        return str(found or "")

    def sources_of(self, accounts: Collection[str]) -> Sequence[str]:
        found: set[str] = set()
        with self._database.reading() as connection:
            for some in pieces(sorted(accounts)):
                query = select(account_table.c.source).where(account_table.c.account.in_(some)).distinct()
                found.update(connection.execute(query).scalars())
        return sorted(found)

    def account_sources(self) -> Mapping[str, frozenset[str]]:
        """The accounts seen in each source."""
        with self._database.reading() as connection:
            query = select(account_table.c.source, account_table.c.account).order_by(account_table.c.source)
            rows = connection.execute(query).all()
        return {source: frozenset(row[1] for row in of) for source, of in groupby(rows, key=lambda row: str(row[0]))}


def save_people(
    connection: Connection, persons: Sequence[Person], links: Sequence[Link], origins: Collection[str]
) -> int:
    """Persons become these, and their links of these origins those given, in whatever transaction; marks what that
    touches. Returns how many persons changed."""
    fresh = {person.id: asdict(person) for person in persons}
    known = {row["id"]: row for row in _rows_of(connection, person_table, person_table.c.id, fresh)}
    changed = [person for person, row in fresh.items() if known.get(person) != row]
    upsert(connection, person_table, [fresh[person] for person in changed])
    moved = {person for person in changed if _looks(known.get(person)) != _looks(fresh[person])}
    relinked = _replace_links(connection, fresh, links, origins)
    touched = {f"person:{person}" for person in moved | {link.person for link in relinked}}
    touched |= _subjects(connection, {link.account for link in relinked})
    touched |= _others(connection, [*known.values(), *fresh.values()], moved, relinked)
    add_marks(connection, _always(touched))
    return len(changed)


def directory_in(connection: Connection) -> Directory:
    """Who is who in this transaction, and what was filed of them; without names, in no company's time."""
    links = [_link(row) for row in _rows(connection, link_table)]
    return Directory((), links, _filings(connection), _accounts(connection), CompanyCalendar())


def _received(connection: Connection, filings: Sequence[Filing], by: str) -> None:
    """Tell and note filings that came or changed; notices go that rest on what was withdrawn."""
    now = datetime.now(UTC)
    directory = directory_in(connection)
    whose = [(directory.person_at(one.account, one.filed), one) for one in filings]
    about = sorted({person for person, _ in whose})
    withdrawn = sum(one.withdrawn for one in filings)
    details = {"filed": len(filings) - withdrawn, "withdrawn": withdrawn}
    note_in(connection, AuditEntry(at=now, by=by, deed=Deed.FILED, about=about, details=details))
    gone = {person for person, one in whose if one.withdrawn and directory.stage(person, now) is Stage.ACTIVE}
    if gone:
        withdraw_resting(connection, gone, "the resignation was withdrawn", by=by, at=now)
    told = [
        Happening(
            at=now,
            kind=Kind.FILING_RECEIVED,
            subject=content_id("filing", one.account, moment_text(one.filed), str(one.withdrawn)),
            person=person,
            by=by,
            details={"withdrawn": one.withdrawn},
        )
        for person, one in whose
    ]
    happen_in(connection, told)


def see_accounts(connection: Connection, source: str, seen: Mapping[str, Sequence[str]]) -> None:
    """Note accounts met in a source with the other keys beside them; an account that gains a key, whatever the source
    it was met in before, is marked whole; so are the colleagues of whoever has an account that nobody had seen."""
    rows = list(_rows_of(connection, account_table, account_table.c.account, seen))
    here = {row["account"]: json.loads(row["keys"]) for row in rows if row["source"] == source}
    anywhere: dict[str, set[str]] = {}
    for row in rows:
        anywhere.setdefault(row["account"], set()).update(json.loads(row["keys"]))
    merged = {account: sorted({*keys, *here.get(account, ())}) for account, keys in seen.items()}
    changed = {account: keys for account, keys in merged.items() if here.get(account) != keys}
    fresh = [{"account": account, "source": source, "keys": _json(keys)} for account, keys in changed.items()]
    upsert(connection, account_table, fresh)
    grown = [account for account, keys in changed.items() if not anywhere.get(account, set(keys)).issuperset(keys)]
    touched = {subject for account in grown for subject in _judged_as(account)}
    first = [account for account in changed if account not in anywhere]
    touched |= colleagues_of(connection, {key for one in first for key in (one, _without_domain(one), *changed[one])})
    add_marks(connection, _always(touched))


def _replace_links(
    connection: Connection, persons: Collection[str], links: Sequence[Link], origins: Collection[str]
) -> set[Link]:
    """Returns every link that came or went."""
    of = {*persons, *(link.person for link in links)}
    known = {
        _link(row): row["number"]
        for row in _rows_of(connection, link_table, link_table.c.person, of)
        if row["origin"] in origins
    }
    wanted = set(links)
    gone, added = known.keys() - wanted, wanted - known.keys()
    for piece in pieces([known[link] for link in gone]):
        connection.execute(delete(link_table).where(link_table.c.number.in_(piece)))
    for rows in pieces([asdict(link) for link in sorted(added, key=repr)]):
        connection.execute(link_table.insert(), list(rows))
    return gone | added


def _others(
    connection: Connection, rows: Iterable[Row], moved: Collection[str], relinked: Collection[Link]
) -> set[str]:
    """The subjects of those on whom it bears that persons, in `rows` as they were and as they are, moved or were linked
    anew: of accounts nobody has seen nothing follows."""
    if not (moved or relinked):
        return set()
    seen = {
        key for account, keys in _accounts(connection).items() for key in (account, _without_domain(account), *keys)
    }
    anew = {link.person for link in relinked if link.account in seen}
    linked = select(link_table.c.person, link_table.c.account)
    known = {str(person) for person, account in connection.execute(linked) if account in seen} & {*moved, *anew}
    own = [*rows, *_rows_of(connection, person_table, person_table.c.id, anew)]
    found = colleagues(connection, {post_of(row) for row in own if row["id"] in known | anew})
    if anew:
        return found | leavers(connection)
    return found | leavers_of(connection, {str(row["department"]) for row in own if row["id"] in known})


def _subjects(connection: Connection, keys: Collection[str]) -> set[str]:
    """These keys, and every seen account they may speak for: one that has such a key beside it, or whose login they
    name without its domain. Once unlinked nothing else leads from the key to the account."""
    found = set(keys)
    if keys:
        for account, others in _accounts(connection).items():
            if not found.isdisjoint((account, _without_domain(account), *others)):
                found.update(_judged_as(account))
    return found


def _judged_as(account: str) -> tuple[str, str]:
    """An account has to be judged both as whose it is now and as itself, which it may have been until now."""
    return account, f"person:{account}"


def _without_domain(account: str) -> str:
    realm, _, name = account.partition(":")
    return f"{realm}:{name.rpartition(chr(92))[2]}"


def _accounts(connection: Connection) -> dict[str, list[str]]:
    query = select(account_table.c.account, account_table.c["keys"])
    rows = connection.execute(query.order_by(account_table.c.account, account_table.c.source)).all()
    return {
        account: sorted({key for _, keys in of for key in json.loads(keys)})
        for account, of in groupby(rows, key=lambda row: str(row[0]))
    }


def _always(subjects: Iterable[str]) -> list[Mark]:
    return [Mark(subject=subject, first=EVER, last=FOREVER) for subject in sorted(subjects)]


def _back(filing: Filing, days: int) -> date:
    """The first day a filing looks back on, one more for the company's day may begin before UTC's."""
    filed = filing.filed.date()
    return filed - timedelta(days=days + 1) if filed - EVER > timedelta(days=days + 1) else EVER


def _rows(connection: Connection, table: Table, where: ColumnElement[bool] | None = None) -> list[Row]:
    query = select(table).order_by(*table.primary_key)
    return [dict(row) for row in connection.execute(query if where is None else query.where(where)).mappings()]


def _rows_of(connection: Connection, table: Table, column: ColumnElement[str], values: Iterable[str]) -> Iterable[Row]:
    """Rows whose column has one of the values, which may be many."""
    return (row for piece in pieces(sorted(values)) for row in _rows(connection, table, column.in_(piece)))


def _filings(connection: Connection) -> list[Filing]:
    return [Filing(**row) for row in _rows(connection, filing_table)]


def _filing_key(filing: Filing) -> tuple[object, ...]:
    return filing.account, filing.filed, filing.withdrawn


def _link(row: Row) -> Link:
    return Link(**{name: value for name, value in row.items() if name != "number"})


def _looks(person: Row | None) -> list[object]:
    return [] if person is None else [person[name] for name in JOINED]


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
