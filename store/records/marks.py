"""Days to be judged again: one row per subject, the run of days that covers everything that touched it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, bindparam, delete, select

from core.ports import Mark
from store.records.database import Database, upsert
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
    rows = [
        {"subject": mark.subject, "first": mark.first, "last": mark.last, "stamp": secrets.randbits(62)} for mark in new
    ]
    upsert(connection, table, rows, least=["first"], most=["last"])


def settle_marks(connection: Connection, settled: Sequence[Mark]) -> None:
    """Remove marks, unless renewed since they were read."""
    if settled:
        unchanged = (table.c.subject == bindparam("of")) & (table.c.stamp == bindparam("read"))
        connection.execute(
            delete(table).where(unchanged), [{"of": mark.subject, "read": mark.stamp} for mark in settled]
        )
