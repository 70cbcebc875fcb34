"""Days to be judged again: one row per subject, the run of days that covers everything that touched it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql

from core.ports import Mark
from store.records.database import Database, delete_in_order, pieces, upsert
from store.records.tables import marks as table
from store.records.tables import turns

EVER, FOREVER = date(1970, 1, 1), date(9999, 12, 31)


class MarkRecords:
    """Adapter of `core.ports.Marks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, marks: Sequence[Mark]) -> None:
        with self._database.writing() as connection:
            add_marks(connection, marks)

    def spread(self, mark: Mark, over: Sequence[Mark]) -> None:
        with self._database.writing() as connection:
            settle_marks(connection, [mark])
            add_marks(connection, over)

    @contextmanager
    def take(self, persons: Sequence[str], most: int) -> Iterator[frozenset[str]]:
        """PostgreSQL: row locks, which a judge that dies lets go of. SQLite: one judge at a time."""
        if self._database.is_sqlite:
            with self._database.lock("judge"):
                yield frozenset(persons[:most])
            return
        self._give_turns(persons)
        with self._database.writing(alone=False) as connection:
            connection.exec_driver_sql("set local idle_in_transaction_session_timeout = 0")
            mine: set[str] = set()
            for some in pieces(persons):
                if left := most - len(mine):
                    free = select(turns.c.person).where(turns.c.person.in_(some)).limit(left)
                    mine.update(connection.execute(free.with_for_update(skip_locked=True)).scalars())
            yield frozenset(mine)

    def pending(self, urgent: int = 0) -> Sequence[Mark]:
        with self._database.reading() as connection:
            asked = select(table).where(table.c.urgent >= urgent).order_by(table.c.subject)
            rows = connection.execute(asked).mappings()
            return [Mark(**row) for row in rows]

    def _give_turns(self, persons: Sequence[str]) -> None:
        with self._database.reading() as connection:
            known: set[str] = set()
            for some in pieces(persons):
                known.update(connection.execute(select(turns.c.person).where(turns.c.person.in_(some))).scalars())
        if new := sorted(set(persons) - known):
            with self._database.writing() as connection:
                rows = [{"person": person} for person in new]
                connection.execute(postgresql.insert(turns).on_conflict_do_nothing(), rows)


def add_marks(connection: Connection, new: Sequence[Mark]) -> None:
    """Widen the run of each subject and stamp it anew.

    Stamps are drawn, not counted: a count would begin again for a mark settled and made anew, and a slow judge that
    read the first could then settle the second.
    """
    now = datetime.now(UTC)
    # In one order, so that two writers wait for each other instead of in a circle.
    rows = [
        {"subject": subject, "first": mark.first, "last": mark.last, "urgent": mark.urgent}
        | {"since": now, "stamp": secrets.randbits(62)}
        for subject, mark in sorted(one_of_each(new).items())
    ]
    upsert(connection, table, rows, least=["first", "since"], most=["last", "urgent"])


def one_of_each(marks: Iterable[Mark]) -> dict[str, Mark]:
    """The marks by subject, those of one subject as the run that covers them."""
    runs: dict[str, Mark] = {}
    for mark in marks:
        known = runs.get(mark.subject)
        runs[mark.subject] = mark if known is None else _together(known, mark)
    return runs


def _together(one: Mark, other: Mark) -> Mark:
    first, last = min(one.first, other.first), max(one.last, other.last)
    return replace(one, first=first, last=last, urgent=max(one.urgent, other.urgent))


def settle_marks(connection: Connection, settled: Sequence[Mark]) -> None:
    """Remove marks, unless renewed since they were read."""
    for some in pieces(sorted(settled, key=lambda mark: mark.subject)):
        subjects = table.c.subject.in_([mark.subject for mark in some])
        # A stamp is one mark's alone.
        delete_in_order(connection, table.c.subject, subjects & table.c.stamp.in_([mark.stamp for mark in some]))
