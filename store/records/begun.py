"""Whose erasure has begun: until it is done nothing new may keep what is going."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from core.subjects import Right
from store.records.subjecttables import subject_requests as table


def being_erased(connection: Connection) -> Mapping[str, str]:
    """Who is being erased: by person the id of the request."""
    erasing = (table.c.right == Right.ERASURE.value) & table.c.done.is_(None)
    rows = connection.execute(
        select(table.c.person, table.c.id).where(erasing, table.c.person != "", table.c.done_by != "")
    )
    return {row.person: row.id for row in rows}
