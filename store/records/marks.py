"""Days to be judged again: one row per subject, the run of days that covers everything that touched it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, and_, delete, or_, select

from core.ports import Mark
from store.records.database import Database, Row, pieces, upsert
from store.records.tables import marks

FOREVER = date(9999, 12, 31)


class MarkRecords:
    """Adapter of `core.ports.Marks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: Sequence[Mark]) -> None:
        with self._database.writing() as connection:
            add_marks(connection, new)

    def pending(self) -> Sequence[Mark]:
        with self._database.reading() as connection:
            rows = connection.execute(select(marks).order_by(marks.c.subject)).mappings()
            return [Mark(**row) for row in rows]


def add_marks(connection: Connection, new: Sequence[Mark]) -> None:
    """Widen the run of each subject and stamp it anew."""
    runs: dict[str, Row] = {}
    for mark in new:
        _widen(runs, mark.subject, mark.first, mark.last)
    for piece in pieces(list(runs)):
        for row in connection.execute(select(marks).where(marks.c.subject.in_(piece))).mappings():
            _widen(runs, row["subject"], row["first"], row["last"])
    upsert(connection, marks, [row | {"stamp": secrets.randbits(62)} for row in runs.values()])


def settle_marks(connection: Connection, settled: Sequence[Mark]) -> None:
    """Remove marks, unless renewed since they were read."""
    for piece in pieces(settled):
        unchanged = (and_(marks.c.subject == mark.subject, marks.c.stamp == mark.stamp) for mark in piece)
        connection.execute(delete(marks).where(or_(*unchanged)))


def _widen(runs: dict[str, Row], subject: str, first: date, last: date) -> None:
    known = runs.setdefault(subject, {"subject": subject, "first": first, "last": last})
    known["first"], known["last"] = min(known["first"], first), max(known["last"], last)
