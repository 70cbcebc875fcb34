"""Where persons stand by risk."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, or_, select

from core.listing import Whose
from core.standing import Rank, Standing, Unranked
from store.records.alertrows import as_json, term_of, term_values
from store.records.database import Database, Row, delete_in_order, pieces, upsert
from store.records.lists import restricted
from store.records.standingtables import standings as table
from store.records.standingtables import unranked

_NAMES = [field.name for field in fields(Standing)]
_ALL = [table.c[name] for name in _NAMES]
_LISTED = [column for column in _ALL if column is not table.c.further]
_LEDGER = ("strongest", "further")


class StandingRecords:
    """Adapter of `core.standing.Standings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unranked(self, most: int) -> Sequence[Unranked]:
        query = select(unranked).order_by(unranked.c.person).limit(most)
        with self._database.reading() as connection:
            return [Unranked(**row) for row in connection.execute(query).mappings()]

    def rank(self, standings: Sequence[Standing], done: Sequence[Unranked]) -> None:
        with self._database.writing() as connection:
            stamps = unranked.c.stamp
            for some in pieces(sorted(done, key=lambda one: one.person)):
                same = stamps.in_([one.stamp for one in some])
                # Of somebody whose alerts have changed since, something newer may be kept already.
                still = set(connection.execute(select(unranked.c.person).where(same)).scalars())
                connection.execute(delete(table).where(table.c.person.in_(sorted(still))))
                for rows in pieces([_row(one) for one in standings if one.person in still]):
                    connection.execute(table.insert(), list(rows))
                delete_in_order(connection, unranked.c.person, same)

    def ranked(self, at: datetime, whose: Whose, after: Rank | None, most: int) -> Sequence[Standing]:
        with self._database.reading() as connection:
            person = _ordered(connection)
            where = [table.c.since <= at, table.c.until > at, *restricted(connection, table.c.person, whose)]
            if after is not None:
                depth, last = after
                beyond = or_(table.c.depth > depth, and_(table.c.depth == depth, person > last))
                where += [table.c.depth >= depth, beyond]
            query = select(*_LISTED).where(*where).order_by(table.c.depth, person).limit(most)
            return [_standing(dict(row)) for row in connection.execute(query).mappings()]

    def ranked_later(self, at: datetime, whose: Whose, after: str, most: int) -> Sequence[str]:
        with self._database.reading() as connection:
            person = _ordered(connection)
            # Mostly there is nobody, and the index of `newest` says so at once.
            some = select(table.c.person).where(table.c.newest > at).exists()
            where = [some, table.c.newest > at, person > after, *restricted(connection, table.c.person, whose)]
            query = select(table.c.person).where(*where).group_by(table.c.person).order_by(person).limit(most)
            return connection.execute(query).scalars().all()

    def standing(self, person: str, at: datetime) -> Standing | None:
        out_of_date = select(unranked.c.person).where(unranked.c.person == person).exists()
        query = select(*_ALL).where(table.c.person == person, table.c.since <= at, table.c.until > at, ~out_of_date)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return _standing(dict(row)) if row else None


def note_unranked(connection: Connection, persons: Iterable[str]) -> None:
    """Whoever writes alerts of persons, or takes some away, says so here in the same transaction."""
    upsert(connection, unranked, [{"person": one, "stamp": secrets.randbits(62)} for one in sorted(set(persons))])


def _ordered(connection: Connection) -> Column[str] | ColumnElement[str]:
    """Persons in the order of their characters, as SQLite has them and Python."""
    return table.c.person.collate("C") if connection.dialect.name == "postgresql" else table.c.person


def _row(standing: Standing) -> Row:
    row = {name: getattr(standing, name) for name in _NAMES}
    return row | {name: as_json([term_values(term) for term in row[name]]) for name in _LEDGER}


def _standing(row: Row) -> Standing:
    ledger = {name: tuple(term_of(term) for term in json.loads(row[name])) for name in _LEDGER if name in row}
    return Standing(**row | ledger)
