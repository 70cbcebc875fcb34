"""What HR may know of a case: how soon to act and what to do, never what was seen. Who decides what HR is told are
the tables here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from core.alert import Severity
from core.calendar import CompanyCalendar
from core.canonical import content_id
from core.case import DECIDED, Case, CaseState
from core.errors import Refused
from core.notice import OPEN, Answer, Notice, NoticeState, RiskLevel, Step
from core.person import Stage

TWICE = 2.0
"""A case of so many times the score at which cases open weighs as much as one of a high alert."""
WORKING_DAYS: Mapping[RiskLevel, int] = {RiskLevel.HIGH: 1, RiskLevel.MEDIUM: 3, RiskLevel.LOW: 5}
"""How long HR has."""
LONGEST_WAIT = 60
LEVELS = tuple(RiskLevel)
_STAYS = (Step.EARLY_MEETING, Step.REMIND_OF_DUTIES)
_LEAVES = (Step.ACCESS_REVIEW, Step.HANDOVER, Step.EXIT_INTERVIEW, Step.REMIND_OF_NDA)
_GONE = (Step.ACCESS_REVIEW, Step.REMIND_OF_NDA)
_MORE: Mapping[Stage, Mapping[RiskLevel, tuple[Step, ...]]] = {
    Stage.ACTIVE: {RiskLevel.HIGH: (Step.ACCESS_REVIEW, Step.LEGAL_CONSULTATION)},
    Stage.PRE_DEPARTURE: {
        RiskLevel.MEDIUM: (Step.ACCESS_REVIEW,),
        RiskLevel.HIGH: (Step.ACCESS_REVIEW, Step.REMIND_OF_NDA, Step.LEGAL_CONSULTATION),
    },
    Stage.NOTICE: {
        RiskLevel.MEDIUM: (Step.EARLY_MEETING,),
        RiskLevel.HIGH: (Step.EARLY_MEETING, Step.REMIND_OF_NON_COMPETE, Step.LEGAL_CONSULTATION),
    },
    Stage.DEPARTED: {
        RiskLevel.MEDIUM: (Step.REMIND_OF_NON_COMPETE,),
        RiskLevel.HIGH: (Step.REMIND_OF_NON_COMPETE, Step.LEGAL_CONSULTATION),
    },
}
_ALWAYS: Mapping[Stage, tuple[Step, ...]] = {
    Stage.ACTIVE: _STAYS,
    Stage.PRE_DEPARTURE: _STAYS,
    Stage.NOTICE: _LEAVES,
    Stage.DEPARTED: _GONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that a notice is made of: the case, the severities of its alerts, where its person stands at a moment and
    until when they work, whether they took a resignation back, and at which score cases open here."""

    case: Case
    severities: Sequence[Severity]
    stage: Stage
    last_day: date | None
    resignation: bool
    opens_at: float
    withdrawn: bool = False


def level_of(known: Known) -> RiskLevel:
    """By the most severe alert and by the score, roughly on purpose: HR is to act, not to compare."""
    highest = max(known.severities, key=list(Severity).index, default=Severity.LOW)
    much = known.case.score >= TWICE * known.opens_at
    if highest is Severity.CRITICAL or (highest is Severity.HIGH and much):
        return RiskLevel.HIGH
    return RiskLevel.MEDIUM if highest is Severity.HIGH or much else RiskLevel.LOW


def steps_of(stage: Stage, level: RiskLevel) -> list[Step]:
    """What is recommended, in the order of `Step`."""
    chosen = {*_ALWAYS[stage], *_MORE[stage].get(level, ())}
    return [step for step in Step if step in chosen]


def deadline_of(level: RiskLevel, sent: date, last_day: date | None, calendar: CompanyCalendar) -> date:
    """Some working days after it was sent, and while the person is still there where that is possible."""
    days = (sent + timedelta(days=number) for number in range(1, LONGEST_WAIT))
    working = [day for day in days if calendar.is_working_day(day)][: WORKING_DAYS[level]]
    due = working[-1] if working else sent + timedelta(days=WORKING_DAYS[level])
    return min(due, max(last_day, sent)) if last_day else due


def draft(
    known: Known, *, by: str, at: datetime, calendar: CompanyCalendar, nth: int = 0, steps: Collection[Step] = ()
) -> Notice:
    """The notice that would be sent of a case, the `nth` of it, with other steps where some are given. Raises `Refused`
    where there is nothing to tell HR of."""
    if known.case.state in DECIDED and known.case.state is not CaseState.CONFIRMED:
        raise Refused("the case was decided to be no reason for a notice")
    level = level_of(known)
    return Notice(
        id=content_id("notice", known.case.id, str(nth)),
        case=known.case.id,
        person=known.case.person,
        stage=known.stage,
        level=level,
        steps=[step for step in Step if step in steps] if steps else steps_of(known.stage, level),
        deadline=deadline_of(level, calendar.day_of(at), known.last_day, calendar),
        sent=at,
        sent_by=by,
        last_day=known.last_day,
        resignation=known.resignation,
    )


def wanted(known: Known, least: RiskLevel) -> bool:
    """Whether a notice of the case is suggested where the company wants them from a level on. Of who took a resignation
    back, HR is told by nobody but an analyst."""
    suits = known.case.state not in DECIDED and known.case.state is not CaseState.OVERFLOW and not known.withdrawn
    return suits and LEVELS.index(level_of(known)) >= LEVELS.index(least)


def acknowledge(notice: Notice, by: str, at: datetime) -> Notice:
    """HR has read it. Raises `Refused` where it ended."""
    _still_open(notice)
    if notice.state is NoticeState.ACKNOWLEDGED:
        return notice
    return replace(notice, state=NoticeState.ACKNOWLEDGED, acknowledged=at, acknowledged_by=by)


def answer(notice: Notice, answers: Iterable[Answer], feedback: str | None, by: str, at: datetime) -> Notice:
    """HR has answered some steps, which may change what was answered before; once every step has an answer it is done.
    Raises `Refused` where it ended, or a step is none of its own."""
    read = acknowledge(notice, by, at)
    given = {one.step: one for one in (*notice.answers, *answers)}
    if strange := given.keys() - set(notice.steps):
        raise Refused(f"the notice does not ask for {', '.join(sorted(strange))}")
    said = replace(read, answers=[given[step] for step in notice.steps if step in given])
    if feedback is not None:
        said = replace(said, feedback=feedback)
    return replace(said, state=NoticeState.DONE, ended=at) if len(given) == len(notice.steps) else said


def withdraw(notice: Notice, why: str, at: datetime) -> Notice:
    """Whoever sent it takes it back. Raises `Refused` where it ended."""
    _still_open(notice)
    return replace(notice, state=NoticeState.WITHDRAWN, ended=at, why=why)


def _still_open(notice: Notice) -> None:
    if notice.state not in OPEN:
        raise Refused(f"notice {notice.number} is {notice.state.value} already")
