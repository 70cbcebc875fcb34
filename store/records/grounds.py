"""What speaks for persons. Whatever changes marks the days it touches, in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from core.evidence import AuditEntry
from core.grounds import Approval, ApprovalKind, RuleException, keys_of
from core.ports import Mark
from store.records.audit import note_in
from store.records.database import Database, Row, upsert
from store.records.marks import EVER, FOREVER, add_marks
from store.records.tables import approvals as approval_table
from store.records.tables import exceptions as exception_table

EVERYBODY = "*"
LISTS = ("recipients", "approvers", "files")


class GroundRecords:
    """Adapter of `core.ports.Grounds`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_approvals(self, approvals: Sequence[Approval]) -> int:
        """Marks the days from the first on that old or new ones cover: what a window holds later depends on them."""
        latest = {(approval.kind, approval.id): approval for approval in approvals}
        with self._database.writing() as connection:
            known = {(approval.kind, approval.id): approval for approval in _approvals(connection)}
            changed = [approval for key, approval in latest.items() if known.get(key) != approval]
            now = {"imported": datetime.now(UTC)}
            upsert(connection, approval_table, [_approval_row(approval) | now for approval in changed])
            touched = [*changed, *(known[key] for a in changed if (key := (a.kind, a.id)) in known)]
            add_marks(connection, [_mark(approval.account, approval.since) for approval in touched])
        return len(changed)

    def approvals(self) -> Sequence[Approval]:
        with self._database.reading() as connection:
            return _approvals(connection)

    def save_exception(self, exception: RuleException, noted: AuditEntry | None = None) -> None:
        """Marks everybody whom it may concern."""
        with self._database.writing() as connection:
            this = exception_table.c.id == exception.id
            before = connection.execute(select(exception_table).where(this)).mappings().first()
            known = [RuleException(**before)] if before else []
            if known == [exception]:
                return
            upsert(connection, exception_table, [asdict(exception)])
            if noted:
                note_in(connection, noted)
            add_marks(connection, list(_concerned([*known, exception])))

    def exceptions(self) -> Sequence[RuleException]:
        with self._database.reading() as connection:
            rows = connection.execute(select(exception_table).order_by(exception_table.c.id)).mappings()
            return [RuleException(**row) for row in rows]


def _concerned(exceptions: Iterable[RuleException]) -> Iterable[Mark]:
    for exception in exceptions:
        named = [f"person:{exception.person}", *keys_of(exception.person)] if exception.person else [EVERYBODY]
        yield from (_mark(subject, exception.since) for subject in named)


def _mark(subject: str, since: datetime) -> Mark:
    """From the company's day of a moment, which may have begun before UTC's."""
    day = since.date()
    return Mark(subject=subject, first=day - timedelta(days=1) if day > EVER else EVER, last=FOREVER)


def _approvals(connection: Connection) -> list[Approval]:
    columns = [column for column in approval_table.columns if column.name != "imported"]
    rows = connection.execute(select(*columns).order_by(approval_table.c.kind, approval_table.c.id)).mappings()
    return [_approval(dict(row)) for row in rows]


def _approval(row: Row) -> Approval:
    lists = {name: tuple(json.loads(row[name])) for name in LISTS}
    return Approval(**row | lists | {"kind": ApprovalKind(row["kind"])})


def _approval_row(approval: Approval) -> Row:
    lists = {name: json.dumps(list(getattr(approval, name)), ensure_ascii=False) for name in LISTS}
    return asdict(approval) | lists | {"kind": approval.kind.value}
