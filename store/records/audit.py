"""The audit log: each entry has the digest of the one before it, so that none can be changed or taken out unseen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from core.evidence import AuditEntry, Deed
from store.records.database import WRITERS, Database, Row
from store.records.tables import audit, audit_subjects


class AuditRecords:
    """Adapter of `core.evidence.Audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, entry: AuditEntry) -> AuditEntry:
        with self._database.writing(alone=False) as connection:
            return note_in(connection, entry)

    def note_all(self, entries: Sequence[AuditEntry]) -> None:
        with self._database.writing(alone=False) as connection:
            for entry in entries:
                note_in(connection, entry)

    def last_noted(self) -> AuditEntry | None:
        with self._database.reading() as connection:
            return last_of(connection)

    def audited(
        self,
        about: str | None = None,
        since: datetime | None = None,
        *,
        by: str | None = None,
        deed: Deed | None = None,
        after: int = -1,
        most: int | None = None,
    ) -> Sequence[AuditEntry]:
        query = select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(most)
        if about is not None:
            named = select(audit_subjects.c.number).where(audit_subjects.c.subject == about)
            query = query.where(audit.c.number.in_(named))
        if since is not None:
            query = query.where(audit.c.at >= since)
        if by is not None:
            query = query.where(audit.c.by == by)
        if deed is not None:
            query = query.where(audit.c.deed == deed.value)
        with self._database.reading() as connection:
            return [entry_of(dict(row)) for row in connection.execute(query).mappings()]


def note_in(connection: Connection, entry: AuditEntry) -> AuditEntry:
    """Append an entry in whatever transaction. Writers take turns until theirs ends, so that two never follow the same
    entry; whoever also writes alone does so first."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("audit", WRITERS))))
    noted = entry.after(last_of(connection))
    row = {"number": noted.number, "at": noted.at, "by": noted.by, "deed": noted.deed.value, "why": noted.why}
    row |= {"about": _json(list(noted.about)), "details": _json(dict(noted.details))}
    connection.execute(insert(audit), row | {"before": noted.before, "digest": noted.digest})
    subjects = [{"subject": one, "number": noted.number} for one in dict.fromkeys(noted.about)]
    if subjects:
        connection.execute(insert(audit_subjects), subjects)
    return noted


def last_of(connection: Connection) -> AuditEntry | None:
    """The last entry."""
    row = connection.execute(select(audit).order_by(audit.c.number.desc()).limit(1)).mappings().first()
    return entry_of(dict(row)) if row else None


def entry_of(row: Row) -> AuditEntry:
    """A row of the log as an entry."""
    read: Row = {"about": tuple(json.loads(row["about"])), "details": json.loads(row["details"])}
    return AuditEntry(**{**row, **read, "deed": Deed(row["deed"])})


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
