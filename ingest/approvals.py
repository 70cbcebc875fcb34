"""Approvals, change tickets and tasks of handing over, from CSV. Every bad row is named."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.calendar import CompanyCalendar
from core.grounds import Approval, ApprovalKind
from core.person import account_key
from ingest.hrfile import Layout, Notes, Problem, Row, is_mail, rows_of

_HEADERS = {
    "id": ("approval_id", "change_id", "task_id", "审批单号", "变更单号", "交接单号"),
    "who": ("email", "applicant", "from", "申请人", "交接人"),
    "recipient": ("recipient", "to", "接收方", "接收人"),
    "purpose": ("purpose", "reason", "用途", "原因"),
    "valid_from": ("valid_from", "生效"),
    "valid_to": ("valid_to", "失效"),
    "approver1": ("approver1", "审批人1"),
    "approver2": ("approver2", "审批人2"),
    "files": ("files", "what", "文件", "交接内容"),
    "filed": ("approved_at", "filed", "审批时间", "审批通过时间"),
}
LAYOUT = Layout(
    _HEADERS,
    {
        "the number of the approval": ("id",),
        "the applicant": ("who",),
        "the recipient or the files": ("recipient", "files"),
        "when it begins": ("valid_from",),
        "when it ends": ("valid_to",),
    },
)
_SEVERAL = re.compile(r"[;；、|\n]+")
WIDEST = 200
"""Recipients or files of one approval."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """What a file grants. Rows with a problem are left out, those with a warning are not."""

    approvals: Sequence[Approval]
    problems: Sequence[Problem]
    rows: int
    warnings: Sequence[Problem] = ()


def read_approvals(
    path: Path, kind: ApprovalKind, calendar: CompanyCalendar, known: Collection[str] | None = None
) -> Approvals:
    """The rows of a file; the number names an approval, of equal numbers the last row counts. Raises `Refused`.

    A last day without a time counts whole. Without a column for when it was given, an approval counts as given when it
    begins. Given the `known` accounts, a row of nobody among them is warned of.
    """
    notes = Notes()
    found: dict[str, Approval] = {}
    for row in rows_of(path, LAYOUT, calendar, notes):
        approval = _approval(row, kind)
        if not row.good or approval is None:
            continue
        found[approval.id] = approval
        if known is not None and approval.account not in known:
            row.warn("who", f"{row.text('who')} is nobody known so far")
    return Approvals(list(found.values()), notes.problems, notes.rows, notes.warnings)


def _approval(row: Row, kind: ApprovalKind) -> Approval | None:
    since, until = row.moment("valid_from"), _end(row)
    recipients, files = _several(row, "recipient"), _several(row, "files")
    for name, text in (("id", row.text("id")), ("who", row.text("who"))):
        if not text:
            row.wrong(name, "is missing")
    if not recipients and not files:
        column = "recipient" if "recipient" in row.titles else "files"
        row.wrong(column, "neither recipient nor files: it would cover everything")
    if since is None:
        row.wrong("valid_from", "is missing")
    if until is None:
        row.wrong("valid_to", "is missing: an approval ends")
    if since and until and until <= since:
        row.wrong("valid_to", "ends before it begins")
    filed = row.moment("filed") or since
    if since is None or until is None or filed is None:
        return None
    who = row.text("who")
    return Approval(
        id=row.text("id"),
        kind=kind,
        account=account_key("mail" if is_mail(who) else "employee", who),
        recipients=recipients,
        files=files,
        purpose=row.text("purpose"),
        since=since,
        until=until,
        filed=filed,
        approvers=tuple(name for name in (row.text("approver1"), row.text("approver2")) if name),
    )


def _several(row: Row, name: str) -> tuple[str, ...]:
    """The parts of a cell. A bare `*` or `@` would stand for everything."""
    parts = tuple(dict.fromkeys(part.strip().lower() for part in _SEVERAL.split(row.text(name)) if part.strip()))
    if any(not part.strip("*@. ") for part in parts):
        row.wrong(name, "stands for everything")
    if len(parts) > WIDEST:
        row.wrong(name, f"names more than {WIDEST}")
    return parts


def _end(row: Row) -> datetime | None:
    """Before when it holds: the end of a day that is given without a time."""
    moment = row.moment("valid_to")
    if moment is None or ":" in row.text("valid_to"):
        return moment
    return row.calendar.end_of(row.calendar.day_of(moment))
