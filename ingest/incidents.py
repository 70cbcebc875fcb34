"""Incidents of the past, from CSV. Every bad row is named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from core.calendar import CompanyCalendar
from core.label import Incident, IncidentKind
from core.person import account_key
from ingest.hrfile import Layout, Notes, Problem, Row, is_mail, rows_of

_HEADERS = {
    "person": ("person", "email", "employee_no", "人员", "工号", "邮箱", "工号/邮箱"),
    "first": ("first_day", "first", "开始日期", "起始日期"),
    "last": ("last_day", "last", "结束日期", "截止日期"),
    "kind": ("kind", "类型", "类别"),
    "why": ("why", "reason", "原因", "依据"),
    "who": ("who", "decided_by", "认定人", "负责人"),
}
LAYOUT = Layout(
    _HEADERS,
    {
        "the person": ("person",),
        "the first day": ("first",),
        "the kind of incident": ("kind",),
        "why it is known": ("why",),
        "who answers for it": ("who",),
    },
)
KINDS = {
    IncidentKind.THEFT: ("theft", "窃取", "盗取"),
    IncidentKind.LEAK: ("leak", "泄露", "外泄"),
    IncidentKind.DESTRUCTION: ("destruction", "破坏", "删除"),
    IncidentKind.OTHER: ("other", "其他"),
    IncidentKind.BENIGN: ("benign", "误报", "正常"),
}
LONGEST = 366
"""More days than an incident has: the file most likely has a wrong year."""
WORDS = {word: kind for kind, words in KINDS.items() for word in words}


@dataclass(frozen=True, slots=True)
class Past:
    """What a file tells. Rows with a problem are left out, those with a warning are not."""

    incidents: Sequence[Incident]
    problems: Sequence[Problem]
    rows: int
    warnings: Sequence[Problem] = ()


def read_incidents(path: Path, calendar: CompanyCalendar, known: Collection[str], today: date) -> Past:
    """The rows of a file; person and first day name an incident, of equal ones the last row counts. Without a last day
    it was one day. A row of nobody among the `known` accounts is warned of. Raises `Refused`."""
    notes = Notes()
    found: dict[tuple[str, date], Incident] = {}
    for row in rows_of(path, LAYOUT, calendar, notes):
        incident = _incident(row, today)
        if not row.good or incident is None:
            continue
        found[incident.account, incident.first] = incident
        if incident.account not in known:
            row.warn("person", f"{row.text('person')} is nobody known so far")
    return Past(list(found.values()), notes.problems, notes.rows, notes.warnings)


def _incident(row: Row, today: date) -> Incident | None:
    for name in ("person", "why", "who"):
        if not row.text(name):
            row.wrong(name, "is missing")
    kind = WORDS.get(row.text("kind").lower())
    if kind is None:
        row.wrong("kind", f"{row.text('kind') or 'nothing'} is none of {', '.join(IncidentKind)}")
    first = row.day("first")
    last = row.day("last") or first
    if first is None:
        row.wrong("first", "is missing")
    if first is None or last is None or kind is None:
        return None
    if last < first:
        row.wrong("last", "ends before it begins")
    if last > today:
        row.wrong("last" if row.text("last") else "first", f"{last} is yet to come")
    if (last - first).days >= LONGEST:
        row.wrong("last", f"more than {LONGEST} days after it begins")
    who = row.text("person")
    account = account_key("mail" if is_mail(who) else "employee", who)
    return Incident(account=account, first=first, last=last, kind=kind, why=row.text("why"), who=row.text("who"))
