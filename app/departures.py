"""Who left in a period, with what was handed over and what accounts did after the last day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.wiring import House
from core.alert import Alert
from core.directory import Directory
from core.grounds import Approval, ApprovalKind
from core.person import Filing, notice_at
from core.ports import EventQuery
from evidence.compliance import Departure

REFUSED = "login_failed"


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a report, the moments in which it begins and ends, and whom persons are called there."""

    first: date
    last: date
    start: datetime
    end: datetime
    called: Callable[[str], str]


def departures(house: House, directory: Directory, span: Span, alerts: Sequence[Alert]) -> list[Departure]:
    """Ordered by notice and person; `alerts` are those of the period."""
    notices = {person: _notice(directory.filings_of(person), span.end) for person in directory.leavers()}
    known = {person: notice for person, notice in notices.items() if notice}
    gone = {
        person: last.last_day
        for person, (_, last) in known.items()
        if last.last_day and last.last_day < span.last and not last.withdrawn
    }
    late = _after(house, directory, span, gone)
    handovers: dict[str, list[Approval]] = defaultdict(list)
    for approval in house.records.approvals():
        if approval.kind is ApprovalKind.HANDOVER and approval.filed < span.end:
            for person in directory.persons_of(approval.account):
                handovers[person].append(approval)
    raised = Counter(alert.person for alert in alerts)
    found = []
    for person, (filed, last) in known.items():
        after = late.get(person, [])
        in_period = span.start <= filed or (last.last_day and span.first <= last.last_day <= span.last)
        if not in_period and not any(row["event.action"] != REFUSED for row in after):
            continue
        found.append(_departure(person, filed, last, after, handovers[person], raised[person], span))
    return sorted(found, key=lambda one: (one.noticed, one.person))


def _notice(filings: Sequence[Filing], end: datetime) -> tuple[datetime, Filing] | None:
    """When the notice known at the end was first filed, and its newest form, which may be its withdrawal."""
    known = sorted((one for one in filings if one.filed < end), key=lambda one: (one.filed, one.withdrawn))
    if not known:
        return None
    before = known[:-1] if notice_at(known, end) is None else known
    since = max((at for at, one in enumerate(before) if one.withdrawn), default=-1) + 1
    return (before[since:] or known)[0].filed, known[-1]


def _after(house: House, directory: Directory, span: Span, gone: Mapping[str, date]) -> dict[str, list[dict[str, Any]]]:
    """By person, what accounts did in the period on days after the last one: rows of totals."""
    calendar = directory.calendar
    owners: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for person in gone:
        for account, since, until in directory.spans_of(person):
            owners[account].append((since, until, person))
    query = EventQuery(start=span.start, end=span.end, accounts=frozenset(owners))
    by = ("user.account", "event.module", "event.action", "day")
    rows = house.events.totals(query, by, calendar.zone, times=True).iter_rows(named=True) if owners else ()
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        for since, until, person in owners[row["user.account"]]:
            if row["day"] > gone[person] and since <= row["until"] < until:
                found[person].append(row)
    return found


def _departure(
    person: str,
    filed: datetime,
    last: Filing,
    after: Sequence[Mapping[str, Any]],
    handovers: Sequence[Approval],
    alerts: int,
    span: Span,
) -> Departure:
    acts = [row for row in after if row["event.action"] != REFUSED]
    return Departure(
        person=span.called(person),
        noticed=filed,
        last_day=last.last_day,
        withdrawn=last.withdrawn,
        handovers=len(handovers),
        open_handovers=sum(one.until > span.end for one in handovers),
        alerts=alerts,
        late=sum(row["events"] for row in acts),
        refused=sum(row["events"] for row in after if row["event.action"] == REFUSED),
        late_last=max((row["until"] for row in acts), default=None),
        late_systems=sorted({row["event.module"] or "" for row in acts}),
    )
