"""Deleting what the records hold, counted by table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Column, Connection, delete, select

from store.records.database import pieces
from store.records.tables import frozen_events, snapshots
from store.records.triagetables import attached_files, attachments, comment_texts, comments, tasks, words

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
    """Delete snapshots, and the events that nothing else frozen rests on."""
    own: set[str] = set()
    for some in pieces(sorted(ids)):
        for body in connection.execute(select(snapshots.c.body).where(snapshots.c.id.in_(some))).scalars():
            own.update(json.loads(body)["events"])
    gone = delete_rows(connection, snapshots.c.id, ids)
    if own:
        for body in connection.execute(select(snapshots.c.body), execution_options={"yield_per": 100}).scalars():
            own.difference_update(json.loads(body)["events"])
    return gone + delete_rows(connection, frozen_events.c.id, own)
