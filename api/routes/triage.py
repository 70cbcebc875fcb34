"""Work on one case: how far it is, who has it, until when, and what was decided."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Literal

from fastapi import Response
from pydantic import BaseModel, ConfigDict, JsonValue

from api.caller import needs
from api.etags import tagged
from api.masking import free_text, nameless
from api.paging import After, Limit, Page, page, place
from api.problems import Problem, answers
from api.routing import Router
from api.shop import InShop, Shop, now
from api.texts import MaybeName, MaybeReason, Reason, Seen, Tag, Time
from api.worked import OnCase, WorkedCase, colleague, seen_case, worked_cases
from cases import workflow
from core.access import Caller, Permission
from core.case import CaseState
from core.errors import Stale
from core.evidence import AuditEntry, Deed
from core.triage import Because, Change, Decision, Step, Work, WorkState

router = Router(prefix="/api/v1/cases", tags=["triage"], responses=answers(401, 403, 404, 422, 503))
LAST = 2**62
"""No entry has a greater number."""
CHANGES = answers(409, 412, 428)


class Move(BaseModel):
    """To another state. A reason is needed where a case is handed to HR or legal, or taken back from them."""

    model_config = ConfigDict(extra="forbid")
    to: Literal["new", "in_review", "escalated_hr", "escalated_legal"]
    reason: MaybeReason = ""


class Assignment(BaseModel):
    """The name of the user who has the case; empty: nobody."""

    model_config = ConfigDict(extra="forbid")
    to: MaybeName


class DueTime(BaseModel):
    """When something is to have come of it; null: at any time."""

    model_config = ConfigDict(extra="forbid")
    due: Time | None


class Verdict(BaseModel):
    """A decision. A benign case, and no other, says in `because` which kind of reason it has."""

    model_config = ConfigDict(extra="forbid")
    verdict: Literal["confirmed", "benign", "insufficient"]
    reason: Reason
    because: Because | None = None


class ProposedException(BaseModel):
    """An exception that a benign case speaks for: nothing files it by itself."""

    rule: str
    alerts: int
    reason: str


class Decided(BaseModel):
    """A decided case, and the exceptions it speaks for."""

    case: WorkedCase
    exceptions: list[ProposedException]


class HistoryEntry(BaseModel):
    """One thing that was done. `details` say what was before and is after, where something changed; why
    something was decided is null while the person is masked."""

    number: int
    at: datetime
    by: str
    step: str
    why: str | None
    details: dict[str, JsonValue]


@router.get("/{case_id}/work", operation_id="get_case_work")
def get_work(
    shop: InShop, response: Response, case_id: str, caller: Caller = needs(Permission.READ_CASES)
) -> WorkedCase:
    """One case with where work on it stands. Its ETag is what changes of it want as `If-Match`."""
    return shown(shop, response, seen_case(shop, caller, case_id))


@router.post("/{case_id}/move", operation_id="move_case", responses=CHANGES)
def move(
    shop: InShop,
    response: Response,
    case_id: str,
    seen: Seen,
    body: Move,
    caller: Caller = needs(Permission.WORK_CASES),
) -> WorkedCase:
    """Take a case into review, hand it to HR or legal, take it back."""
    on = seen_case(shop, caller, case_id)
    return _changed(shop, response, on, moved(on, seen, body))


@router.post("/{case_id}/assignment", operation_id="assign_case", responses=CHANGES)
def assign(
    shop: InShop,
    response: Response,
    case_id: str,
    seen: Seen,
    body: Assignment,
    caller: Caller = needs(Permission.WORK_CASES),
) -> WorkedCase:
    """Give a case to somebody who may work on it, or to nobody."""
    on = seen_case(shop, caller, case_id)
    return _changed(shop, response, on, assigned(shop, on, seen, body))


@router.post("/{case_id}/due", operation_id="set_case_due", responses=CHANGES)
def set_due(
    shop: InShop,
    response: Response,
    case_id: str,
    seen: Seen,
    body: DueTime,
    caller: Caller = needs(Permission.WORK_CASES),
) -> WorkedCase:
    """Say when something is to have come of a case."""
    on = seen_case(shop, caller, case_id)
    change = workflow.set_due(on.case, at_version(on, seen), body.due, by=caller.name, at=now())
    return _changed(shop, response, on, change)


@router.post("/{case_id}/decision", operation_id="decide_case", responses=CHANGES)
def decide(
    shop: InShop,
    response: Response,
    case_id: str,
    seen: Seen,
    body: Verdict,
    caller: Caller = needs(Permission.DECIDE_CASES),
) -> Decided:
    """Decide a case, and those that are worked on with it. Models learn from what was confirmed or benign; whoever
    judges next gathers what is left of its persons anew. 412 where the alerts have changed since they were seen."""
    on = seen_case(shop, caller, case_id)
    shop.records.decide_all([decision(on, seen, body)])
    after = seen_case(shop, caller, case_id)
    return Decided(case=shown(shop, response, after), exceptions=_proposed(shop, after))


@router.post("/{case_id}/undo", operation_id="undo_case_step", responses=CHANGES)
def undo(
    shop: InShop, response: Response, case_id: str, seen: Seen, caller: Caller = needs(Permission.WORK_CASES)
) -> WorkedCase:
    """Take back the last move, assignment or due time, for a quarter of an hour; a decision for a week. Whoever did it
    may, or a senior analyst."""
    on = seen_case(shop, caller, case_id)
    steps = shop.records.history(on.case.id)
    work = at_version(on, seen)
    change = workflow.undo(on.case, work, steps, by=caller.name, senior=on.senior, at=now())
    if change.step is Step.REOPENED and not caller.may(Permission.DECIDE_CASES):
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "this needs the permission cases:decide")
    if change.step is not Step.REOPENED:
        return _changed(shop, response, on, change)
    shop.records.reopen(change)
    return shown(shop, response, seen_case(shop, caller, case_id))


@router.get("/{case_id}/history", operation_id="list_case_history")
def history(
    shop: InShop,
    case_id: str,
    after: After = None,
    limit: Limit = 100,
    caller: Caller = needs(Permission.READ_CASES),
) -> Page[HistoryEntry]:
    """What was done on a case, the oldest first."""
    on = seen_case(shop, caller, case_id)
    shop.looks.note(on.lens, "history of a case", (on.case.id, on.case.person))
    key = place(after, (int,))
    found = shop.records.history(on.case.id, min(int(key[0]), LAST) if key else -1, limit + 1)
    shown_entries, following = page([_entry(one, on) for one in found], limit, lambda one: (one.number,))
    return Page(items=list(shown_entries), next=following)


def at_version(on: OnCase, seen: Tag) -> Work:
    """The work, if it is still what the caller saw. What was found meanwhile does not matter, but for a decision."""
    if on.work.version != seen.version:
        raise Stale("somebody has changed the case meanwhile: look at it again")
    return on.work


def moved(on: OnCase, seen: Tag, body: Move) -> Change:
    work, by = at_version(on, seen), on.lens.caller.name
    return workflow.move(on.case, work, WorkState(body.to), why=body.reason, by=by, senior=on.senior, at=now())


def assigned(shop: Shop, on: OnCase, seen: Tag, body: Assignment) -> Change:
    work = at_version(on, seen)
    if body.to:
        colleague(shop, on, body.to)
    return workflow.assign(on.case, work, body.to, by=on.lens.caller.name, at=now())


def decision(on: OnCase, seen: Tag, body: Verdict) -> Decision:
    verdict = CaseState(body.verdict)
    workflow.check_decision(on.case, at_version(on, seen), verdict, body.because, senior=on.senior)
    return Decision(
        case=on.case.id,
        version=seen.version,
        contents=seen.contents,
        verdict=verdict,
        reason=body.reason,
        at=now(),
        by=on.lens.caller.name,
        because=body.because or "",
    )


def shown(shop: Shop, response: Response, on: OnCase) -> WorkedCase:
    """The case as a document, with its tag, noted as looked at."""
    (view,) = worked_cases(shop, on.lens, [on.case])
    shop.looks.note(on.lens, "case", (on.case.id, on.case.person))
    tagged(response, view.work.tag)
    return view


def _changed(shop: Shop, response: Response, on: OnCase, change: Change) -> WorkedCase:
    shop.records.change([change])
    case = shop.records.case(on.case.id) or on.case
    return shown(shop, response, OnCase(case, change.after, on.lens))


def _proposed(shop: Shop, on: OnCase) -> list[ProposedException]:
    ideas = shop.exceptions.suggested(on.case) if shop.exceptions and on.case.state is CaseState.BENIGN else ()
    return [ProposedException(rule=one.rule, alerts=one.alerts, reason=one.reason) for one in ideas]


def _entry(entry: AuditEntry, on: OnCase) -> HistoryEntry:
    step = str(entry.details.get("step", "decided")) if entry.deed is Deed.WORKED else "decided"
    details = {name: value for name, value in entry.details.items() if name != "step"}
    hidden = free_text if entry.deed is Deed.DECIDED else nameless
    why = hidden(on.lens, on.case.person, entry.why)
    return HistoryEntry(number=entry.number, at=entry.at, by=entry.by, step=step, why=why, details=details)
