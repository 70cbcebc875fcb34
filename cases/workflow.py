"""Which step may follow which on a case, who may take it, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core.case import DECIDED, Case, CaseState
from core.errors import BadQuery, Refused
from core.evidence import AuditEntry, Deed
from core.triage import Because, Change, Step, Work, WorkState

W = WorkState
FOLLOWS: Mapping[WorkState, frozenset[WorkState]] = {
    W.NEW: frozenset({W.IN_REVIEW, W.TO_HR, W.TO_LEGAL}),
    W.IN_REVIEW: frozenset({W.NEW, W.TO_HR, W.TO_LEGAL}),
    W.TO_HR: frozenset({W.IN_REVIEW, W.TO_LEGAL}),
    W.TO_LEGAL: frozenset({W.IN_REVIEW}),
}
"""A decision may follow any of them."""
UNDO_WITHIN, REOPEN_WITHIN = timedelta(minutes=15), timedelta(days=7)
"""How long a step, and a decision, can be undone."""
CHANGE_COMMENT_WITHIN = timedelta(minutes=15)
OTHERS = frozenset(
    {
        Step.COMMENTED,
        Step.COMMENT_CHANGED,
        Step.COMMENT_WITHDRAWN,
        Step.TASK_ADDED,
        Step.TASK_CHANGED,
        Step.ATTACHED,
        Step.EXCEPTED,
    }
)
"""Steps that leave the work as it is: what came before can still be undone."""


def move(case: Case, work: Work, to: WorkState, *, why: str, by: str, senior: bool, at: datetime) -> Change:
    """Another state. Whoever takes a case that nobody has into review has it; back among the new ones nobody has it.
    Raises `Refused`, or `BadQuery` where a reason is missing."""
    _check_open(case, work)
    if to not in FOLLOWS[work.state]:
        raise Refused(f"a case that is {work.state} cannot become {to}")
    _check_legal(work, senior)
    if not why and (to in (W.TO_HR, W.TO_LEGAL) or work.state in (W.TO_HR, W.TO_LEGAL)):
        raise BadQuery("handing a case over, or taking it back, needs a reason")
    assignee = "" if to is W.NEW else work.assignee or (by if to is W.IN_REVIEW else "")
    after = replace(_in_state(work, to, at), assignee=assignee)
    return _change(work, after, Step.MOVED, at=at, by=by, why=why)


def assign(case: Case, work: Work, to: str, *, by: str, at: datetime) -> Change:
    """Somebody works on it; empty: nobody."""
    _check_open(case, work)
    return _change(work, replace(work, assignee=to), Step.ASSIGNED, at=at, by=by)


def set_due(case: Case, work: Work, due: datetime | None, *, by: str, at: datetime) -> Change:
    _check_open(case, work)
    return _change(work, replace(work, due=due), Step.DUE_SET, at=at, by=by)


def check_decision(case: Case, work: Work, verdict: CaseState, because: Because | None, *, senior: bool) -> None:
    """Raises `Refused`, or `BadQuery` where benign goes without one of the reasons, or anything else with one."""
    _check_open(case, work)
    _check_legal(work, senior)
    if verdict not in DECIDED:
        raise BadQuery(f"{verdict} is no decision")
    if (verdict is CaseState.BENIGN) != (because is not None):
        raise BadQuery("a benign case, and no other, has one of the reasons in `because`")


def joining(case: Case, work: Work, step: Step, *, by: str, why: str, senior: bool, at: datetime) -> Change:
    """The step of joining others to a case, of parting them, or of splitting it."""
    _check_open(case, work)
    _check_legal(work, senior)
    return _change(work, work, step, at=at, by=by, why=why)


def undo(case: Case, work: Work, history: Sequence[AuditEntry], *, by: str, senior: bool, at: datetime) -> Change:
    """The change that takes back the last step: of a decision `Step.REOPENED`. Raises `Refused` where that was not
    one's own and one is no senior, is too long ago, or nothing that can be undone."""
    last = next((one for one in reversed(history) if one.details.get("step") not in OTHERS), None)
    if last is None:
        raise Refused("nothing was done on this case that could be undone")
    decided = last.deed is Deed.DECIDED
    if not decided and last.details["step"] not in (Step.MOVED, Step.ASSIGNED, Step.DUE_SET):
        raise Refused("the last step cannot be undone")
    if last.by != by and not senior:
        raise Refused("whoever did it may undo it, or a senior analyst")
    if at - last.at > (REOPEN_WITHIN if decided else UNDO_WITHIN):
        raise Refused("that is too long ago to be undone")
    if decided:
        if case.state not in DECIDED:
            raise Refused("the case is open")
        return _change(work, replace(work, because=""), Step.REOPENED, at=at, by=by)
    _check_open(case, work)
    return _change(work, _back(work, last.details["before"], at), Step.UNDONE, at=at, by=by)


def _back(work: Work, before: Mapping[str, Any], at: datetime) -> Work:
    """The work with what it was before a step."""
    if "state" in before:
        work = _in_state(work, WorkState(before["state"]), at)
    if "assignee" in before:
        work = replace(work, assignee=before["assignee"])
    if "due" in before:
        work = replace(work, due=datetime.fromisoformat(before["due"]) if before["due"] else None)
    return work


def _in_state(work: Work, to: WorkState, at: datetime) -> Work:
    return replace(work, state=to, handed_over=at if to is W.TO_LEGAL else None)


def _check_open(case: Case, work: Work) -> None:
    if case.state in DECIDED:
        raise Refused("the case is decided")
    if work.lead:
        raise Refused(f"the case is worked on with {work.lead}")


def _check_legal(work: Work, senior: bool) -> None:
    if work.state is W.TO_LEGAL and not senior:
        raise Refused("legal has the case: a senior analyst may take it back or decide it")


def _change(before: Work, after: Work, step: Step, *, at: datetime, by: str, why: str = "") -> Change:
    if after == before and step in (Step.ASSIGNED, Step.DUE_SET):
        raise Refused("that is so already")
    after = replace(after, version=before.version + 1)
    return Change(before=before, after=after, step=step, at=at, by=by, why=why)
