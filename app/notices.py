"""Notices to HR by the company's policy: suggested, or sent by themselves; and reminders of deadlines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from app.wiring import House
from cases.notices import Known, draft, wanted, withdraw
from core.alert import Severity
from core.case import DECIDED, Case
from core.directory import Directory
from core.errors import Refused
from core.notice import OPEN, Notice, RiskLevel
from core.person import Stage, notice_at

JOB = "notices"
POLICY = "policy"
"""Who sends what nobody clicked for."""
A_DAY = timedelta(days=1)


def known_of(house: House, cases: Sequence[Case], directory: Directory, at: datetime) -> list[Known]:
    """What a notice of each case would be made of."""
    severities: dict[str, list[Severity]] = defaultdict(list)
    about_to_leave = set()
    persons = {case.person for case in cases}
    for alert in house.records.alerts(persons=persons) if cases else ():
        severities[alert.id].append(alert.severity)
        if alert.stage == Stage.PRE_DEPARTURE.value:
            about_to_leave.add(alert.id)
    found = []
    for case in cases:
        stage = directory.stage(case.person, at)
        if stage is Stage.ACTIVE and not about_to_leave.isdisjoint(case.alerts):
            stage = Stage.PRE_DEPARTURE
        filings = directory.filings_of(case.person)
        filing = notice_at(filings, at)
        found.append(
            Known(
                case=case,
                severities=[severity for alert in case.alerts for severity in severities[alert]],
                stage=stage,
                last_day=filing.last_day if filing else None,
                resignation=filing is not None,
                withdrawn=filing is None and any(one.withdrawn for one in filings),
                opens_at=house.config.detection.case_opens_at,
            )
        )
    return found


def suggested(house: House, at: datetime) -> list[Known]:
    """Open cases that weigh enough for a notice and never had one, the strongest first; none where the company wants
    none."""
    policy = house.config.hr
    if policy.notices == "off":
        return []
    had = {notice.case for notice in house.records.notices()}
    cases = [case for case in house.records.cases() if case.id not in had and case.state not in DECIDED]
    found = known_of(house, cases, house.directory(), at)
    chosen = [known for known in found if wanted(known, RiskLevel(policy.notices_from))]
    return sorted(chosen, key=lambda known: (-known.case.score, known.case.id))


def attend(house: House, at: datetime | None = None) -> Sequence[Notice]:
    """Send what the policy sends, once of each case, withdraw what rests on a resignation that is gone, and remind of
    deadlines that are a day off; returns what was sent. One process at a time."""
    moment = at or datetime.now(UTC)
    sent: list[Notice] = []
    with house.records.unless_done(JOB) as mine:
        if not mine:
            return []
        for known in suggested(house, moment) if house.config.hr.notices == "send" else ():
            with suppress(Refused):  # somebody was quicker
                notice = draft(known, by=POLICY, at=moment, calendar=house.calendar)
                sent.append(house.records.send_notice(notice, first=True))
        _withdraw_left(house, moment)
        house.records.remind_of(house.calendar.day_of(moment) + A_DAY, moment)
    return sent


def _withdraw_left(house: House, at: datetime) -> None:
    """Those that were sent while the resignation was being withdrawn."""
    resting = [notice for notice in house.records.notices(states=OPEN) if notice.resignation]
    directory = house.directory() if resting else None
    for notice in resting:
        if directory and directory.stage(notice.person, at) is Stage.ACTIVE:
            with suppress(Refused):
                gone = withdraw(notice, "the resignation was withdrawn", at)
                house.records.change_notice(gone, by=POLICY, at=at)
