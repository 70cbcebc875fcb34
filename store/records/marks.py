"""Days to be judged again: one row per subject, the run of days that covers everything that touched it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, bindparam, delete, select

from core.ports import Mark
from store.records.database import Database, Row, pieces, upsert
from store.records.tables import marks as table

EVER, FOREVER = date(1970, 1, 1), date(9999, 12, 31)


class MarkRecords:
    """Adapter of `core.ports.Marks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, marks: Sequence[Mark]) -> None:
        with self._database.writing() as connection:
            add_marks(connection, marks)

    def pending(self) -> Sequence[Mark]:
        with self._database.reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.subject)).mappings()
            return [Mark(**row) for row in rows]


def add_marks(connection: Connection, new: Sequence[Mark]) -> None:
    """Widen the run of each subject and stamp it anew.

    Stamps are drawn, not counted: a count would begin again for a mark settled and made anew, and a slow judge that
    read the first could then settle the second.
    """
    runs: dict[str, Row] = {}
    for mark in new:
        _widen(runs, mark.subject, mark.first, mark.last)
    for piece in pieces(list(runs)):
        for row in connection.execute(select(table).where(table.c.subject.in_(piece))).mappings():
            _widen(runs, row["subject"], row["first"], row["last"])
    upsert(connection, table, [row | {"stamp": secrets.randbits(62)} for row in runs.values()])


def settle_marks(connection: Connection, settled: Sequence[Mark]) -> None:
    """Remove marks, unless renewed since they were read."""
    if settled:
        unchanged = (table.c.subject == bindparam("of")) & (table.c.stamp == bindparam("read"))
        connection.execute(
            delete(table).where(unchanged), [{"of": mark.subject, "read": mark.stamp} for mark in settled]
        )


def _widen(runs: dict[str, Row], subject: str, first: date, last: date) -> None:
    known = runs.setdefault(subject, {"subject": subject, "first": first, "last": last})
    known["first"], known["last"] = min(known["first"], first), max(known["last"], last)
