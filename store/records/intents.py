"""Marks of events that lie outside the records database, whose writer may die between storing and marking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, select

from core.ports import Mark
from store.records.database import Database, pieces
from store.records.marks import add_marks, one_of_each
from store.records.tables import intents

LONGEST_APPEND = timedelta(days=1)
"""Whoever began longer ago than this is dead."""


def intend(database: Database, append: str, marks: Sequence[Mark]) -> set[str]:
    """Note what an append is about to touch. Returns the subjects that other appends have noted and not marked yet:
    of those, events may be stored that nobody has been told of."""
    now = datetime.now(UTC)
    with database.writing() as connection:
        _take_over(connection, now - LONGEST_APPEND)
        unmarked: set[str] = set()
        for some in pieces(sorted({mark.subject for mark in marks})):
            unmarked.update(connection.execute(select(intents.c.subject).where(intents.c.subject.in_(some))).scalars())
        if marks:
            rows = [
                {"append": append, "subject": subject, "first": mark.first, "last": mark.last, "begun": now}
                for subject, mark in one_of_each(marks).items()
            ]
            connection.execute(intents.insert(), rows)
    return unmarked


def done(connection: Connection, append: str) -> None:
    """The append's marks are there."""
    connection.execute(delete(intents).where(intents.c.append == append))


def _take_over(connection: Connection, begun_before: datetime) -> None:
    """Mark what the dead left."""
    old = intents.c.begun < begun_before
    rows = connection.execute(select(intents.c.subject, intents.c.first, intents.c.last).where(old)).all()
    if rows:
        add_marks(connection, [Mark(subject=subject, first=first, last=last) for subject, first, last in rows])
        connection.execute(delete(intents).where(old))
