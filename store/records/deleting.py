"""Deleting what the records hold, counted by table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Column, Connection, delete, select

from core.evidence import FREEZING
from store.records.database import Database, add_missing, among, pieces
from store.records.tables import frozen_events, released_events, snapshots
from store.records.triagetables import attached_files, attachments, comment_texts, comments, tasks, words

AT_ONCE = 1_000
WRITTEN = (words.c.case, tasks.c.case, comments.c.case, attachments.c.case)
"""Where what people wrote about a case lies, and what they attached."""


def delete_rows(connection: Connection, column: Column[str], values: Iterable[str]) -> Counter[str]:
    """Delete the rows that have one of these values; how many of the table there were."""
    gone = 0
    for some in pieces(sorted(set(values))):
        gone += connection.execute(delete(column.table).where(column.in_(some))).rowcount
    return Counter({column.table.name: gone} if gone else {})


def delete_writing(connection: Connection, cases: Collection[str]) -> Counter[str]:
    """Delete what people wrote about cases and attached to them, and files that nothing else has attached."""
    if not cases:
        return Counter()
    written: list[str] = []
    for some in pieces(sorted(cases)):
        written += connection.execute(select(comments.c.id).where(comments.c.case.in_(some))).scalars()
    gone = delete_rows(connection, comment_texts.c.comment, written)
    for column in WRITTEN:
        gone += delete_rows(connection, column, cases)
    attached = select(attachments.c.sha256)
    alone = connection.execute(select(attached_files.c.sha256).where(attached_files.c.sha256.not_in(attached)))
    return gone + delete_rows(connection, attached_files.c.sha256, alone.scalars().all())


def delete_frozen(connection: Connection, ids: Sequence[str]) -> Counter[str]:
    """Delete snapshots, and the events that nothing else frozen rests on: all that is left is read."""
    own = _events_of(connection, ids)
    gone = delete_rows(connection, snapshots.c.id, ids)
    if own:
        for body in connection.execute(select(snapshots.c.body), execution_options={"yield_per": 100}).scalars():
            own.difference_update(json.loads(body)["events"])
    return gone + delete_rows(connection, frozen_events.c.id, own)


def release_frozen(connection: Connection, ids: Sequence[str]) -> None:
    """Delete snapshots, and note their events: `sweep` finds which of them may go."""
    released = [{"id": one} for one in sorted(_events_of(connection, ids))]
    add_missing(connection, released_events, released)
    delete_rows(connection, snapshots.c.id, ids)


def sweep(database: Database) -> None:
    """Delete the released events that nothing frozen rests on, some snapshots at a time. Nobody freezes meanwhile, who
    might count on what goes; who is killed has it done by the next."""
    with database.reading() as connection:
        if not connection.execute(select(released_events.c.id).limit(1)).first():
            return
    with database.lock(FREEZING):
        _sweep(database)


def _sweep(database: Database) -> None:
    last: str | None = ""
    while last is not None:
        query = select(snapshots.c.id, snapshots.c.body).where(snapshots.c.id > last)
        with database.reading() as connection:
            rows = connection.execute(query.order_by(snapshots.c.id).limit(AT_ONCE)).all()
            used = {event for row in rows for event in json.loads(row.body)["events"]}
            kept = among(connection, released_events.c.id, used)
        if kept:
            with database.writing() as connection:
                delete_rows(connection, released_events.c.id, kept)
        last = rows[-1].id if len(rows) == AT_ONCE else None
    while True:
        with database.writing() as connection:
            some = connection.execute(select(released_events.c.id).limit(AT_ONCE)).scalars().all()
            delete_rows(connection, frozen_events.c.id, some)
            delete_rows(connection, released_events.c.id, some)
        if len(some) < AT_ONCE:
            return


def _events_of(connection: Connection, ids: Sequence[str]) -> set[str]:
    """The events of snapshots."""
    own: set[str] = set()
    for some in pieces(sorted(ids)):
        for body in connection.execute(select(snapshots.c.body).where(snapshots.c.id.in_(some))).scalars():
            own.update(json.loads(body)["events"])
    return own
