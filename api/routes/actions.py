"""Response actions: asked for from a case, approved by somebody else, done by a system outside."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from http import HTTPStatus
from secrets import token_hex
from typing import Annotated, Literal

from fastapi import Depends, Request
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator
from starlette.concurrency import run_in_threadpool

from access.lens import Lens
from api.caller import known, needs, unknown
from api.desks import NotifyDesk
from api.masking import nameless
from api.paging import After, Limit, Page, moment_place, page
from api.problems import Problem, answers, not_found
from api.routes.channels import AtDesk
from api.routing import Router
from api.shop import InShop, Shop, now
from api.texts import NO_NUL, Why
from core.access import Caller, Permission
from core.action import APPROVED_WITHIN, Action, ActionKind, ActionState
from core.case import Case, CaseState
from core.errors import Refused

Id = Annotated[str, InPath(max_length=100)]
CLEARED = frozenset({CaseState.BENIGN, CaseState.INSUFFICIENT})
RESULT_BYTES = 16 << 10


class ActionAsked(BaseModel):
    """What is to be done about the person of a case, and why. `playbook` names one where that is the kind; `alert` is
    the alert of the case that it is about."""

    model_config = ConfigDict(extra="forbid")

    kind: ActionKind
    reason: Why
    playbook: Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9_.-]{0,59})?$")] = ""
    alert: Annotated[str, StringConstraints(max_length=100)] = ""

    @model_validator(mode="after")
    def _named(self) -> ActionAsked:
        if bool(self.playbook) != (self.kind is ActionKind.PLAYBOOK):
            raise ValueError("playbook is named where that is the kind, and only there")
        return self


class Decision(BaseModel):
    """Why it is approved or refused."""

    model_config = ConfigDict(extra="forbid")

    reason: Why


class ActionResult(BaseModel):
    """How an action ended, as the system that did it says."""

    model_config = ConfigDict(extra="forbid")

    action: Annotated[str, StringConstraints(max_length=100)]
    state: Literal["done", "failed"]
    result: Annotated[str, StringConstraints(max_length=2_000, pattern=NO_NUL)] = ""


class ActionView(BaseModel):
    """A response action; `person` is a pseudonym, which also stands in `result` for the name and accounts of whoever is
    masked."""

    id: str
    kind: ActionKind
    playbook: str
    case: str
    alert: str
    person: str
    reason: str
    state: ActionState
    asked_by: str
    asked: datetime
    expires: datetime
    decided_by: str
    decided: datetime | None
    decision: str
    changed: datetime | None
    result: str


router = Router(prefix="/api/v1", tags=["actions"], responses=answers(401, 422, 503))


@router.post(
    "/cases/{case_id}/actions",
    operation_id="ask_for_action",
    status_code=HTTPStatus.CREATED,
    responses=answers(403, 404, 409),
)
def ask(
    shop: InShop, desk: AtDesk, case_id: Id, asked: ActionAsked, caller: Caller = needs(Permission.ASK_FOR_ACTIONS)
) -> ActionView:
    """Ask for an action about the person of a case. Somebody else has to approve it."""
    lens = shop.lens(caller)
    case = shop.case(lens, case_id)
    _not_cleared(case)
    if asked.alert and asked.alert not in case.alerts:
        raise not_found("alert in this case")
    at = now()
    action = Action(
        id=token_hex(16),
        kind=asked.kind,
        case=case.id,
        person=case.person,
        reason=asked.reason,
        asked_by=caller.name,
        asked=at,
        expires=at + APPROVED_WITHIN,
        playbook=asked.playbook,
        alert=asked.alert,
    )
    return _view(shop.records.ask_for(action, automatic=desk.is_automatic(action)), lens)


@router.get("/cases/{case_id}/actions", operation_id="list_actions_of_case", responses=answers(403, 404))
def list_of_case(
    shop: InShop,
    case_id: Id,
    limit: Limit = 100,
    after: After = None,
    caller: Caller = needs(Permission.ASK_FOR_ACTIONS),
) -> Page[ActionView]:
    """The actions of a case, the newest first."""
    case = shop.case(shop.lens(caller), case_id)
    return _page(shop, caller, limit, after, case=case.id)


@router.get("/actions", operation_id="list_actions", responses=answers(403))
def list_actions(
    shop: InShop,
    state: ActionState | None = None,
    limit: Limit = 100,
    after: After = None,
    caller: Caller = needs(Permission.ASK_FOR_ACTIONS),
) -> Page[ActionView]:
    """Actions, the newest first."""
    return _page(shop, caller, limit, after, states=None if state is None else frozenset({state}))


@router.get("/actions/{action_id}", operation_id="get_action", responses=answers(403, 404))
def get_action(shop: InShop, action_id: Id, caller: Caller = needs(Permission.ASK_FOR_ACTIONS)) -> ActionView:
    """One action."""
    lens = shop.lens(caller)
    action = _known(shop, lens, action_id)
    shop.looks.note(lens, "action", _about([action]))
    return _view(action, lens)


@router.post("/actions/{action_id}/approve", operation_id="approve_action", responses=answers(403, 404, 409))
def approve(
    shop: InShop, action_id: Id, decision: Decision, caller: Caller = needs(Permission.APPROVE_ACTIONS)
) -> ActionView:
    """Approve an action that somebody else asked for: it is sent to the system that does it."""
    return _decide(shop, action_id, ActionState.APPROVED, decision, caller)


@router.post("/actions/{action_id}/refuse", operation_id="refuse_action", responses=answers(403, 404, 409))
def refuse(
    shop: InShop, action_id: Id, decision: Decision, caller: Caller = needs(Permission.APPROVE_ACTIONS)
) -> ActionView:
    """Refuse an action that somebody else asked for."""
    return _decide(shop, action_id, ActionState.REFUSED, decision, caller)


async def _body(request: Request) -> bytes:
    """The body as it was signed, as far as it is not too long."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > RESULT_BYTES:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-long", f"at most {RESULT_BYTES} bytes")
    return body


@router.post(
    "/actions/{action_id}/result",
    operation_id="report_action",
    status_code=HTTPStatus.NO_CONTENT,
    responses=answers(403, 404, 409, 413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ActionResult.model_json_schema()}},
        }
    },
)
async def report(
    shop: InShop, desk: AtDesk, request: Request, action_id: Id, body: Annotated[bytes, Depends(_body)]
) -> None:
    """How an action ended. Signed as the webhook was (see docs/notifications.md), or by a caller who may report
    actions."""
    await run_in_threadpool(_report, shop, desk, request, action_id, body)


def _report(shop: Shop, desk: NotifyDesk, request: Request, action_id: str, body: bytes) -> None:
    by = "webhook"
    if "webhook-signature" in request.headers:
        if not desk.is_result(action_id, request.headers, body):
            raise unknown("this is not signed by whom the action was sent to")
    else:
        caller = known(request)
        if not caller.may(Permission.REPORT_ACTIONS):
            raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "this needs the permission actions:report")
        by = caller.name
    try:
        result = ActionResult.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        told = f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", told) from None
    if result.action != action_id:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "this is the result of another action")
    if shop.records.action(action_id) is None:
        raise not_found("action")
    shop.records.move_action(action_id, ActionState(result.state), by=by, at=now(), result=result.result)


def _page(
    shop: Shop,
    caller: Caller,
    limit: int,
    after: str | None,
    case: str | None = None,
    states: frozenset[ActionState] | None = None,
) -> Page[ActionView]:
    """A page of those about whom the caller may look at."""
    lens, key = shop.lens(caller), moment_place(after)
    shown: list[Action] = []
    while len(shown) <= limit:
        found = shop.records.actions(case=case, states=states, after=key, most=limit + 1)
        shown += [one for one in found if lens.within(one.person)]
        if len(found) <= limit:
            break
        key = (found[-1].asked, found[-1].id)
    some, following = page(shown, limit, lambda one: (one.asked.isoformat(), one.id))
    shop.looks.note(lens, "actions", _about(some))
    return Page(items=[_view(one, lens) for one in some], next=following)


def _decide(shop: Shop, action_id: str, state: ActionState, decision: Decision, caller: Caller) -> ActionView:
    lens = shop.lens(caller)
    action = _known(shop, lens, action_id)
    asker = shop.records.user(action.asked_by)
    if asker and caller.person and asker.person == caller.person:
        raise Refused("whoever asked for an action does not decide it: somebody else has to")
    case = shop.records.case(action.case)
    if state is ActionState.APPROVED and case is not None:
        _not_cleared(case)
    decided = shop.records.decide_action(action.id, state, by=caller.name, at=now(), why=decision.reason)
    return _view(decided, lens)


def _not_cleared(case: Case) -> None:
    """Ends the request where it was decided that nothing is held against the person."""
    if case.state in CLEARED:
        raise Refused(f"the case was decided {case.state.value}: nothing is done to anybody for it")


def _known(shop: Shop, lens: Lens, action_id: str) -> Action:
    found = shop.records.action(action_id)
    if found is None or not lens.within(found.person):
        raise not_found("action")
    return found


def _about(found: Iterable[Action]) -> list[str]:
    return [about for one in found for about in (one.case, one.person)]


def _view(action: Action, lens: Lens) -> ActionView:
    return ActionView(
        id=action.id,
        kind=action.kind,
        playbook=action.playbook,
        case=action.case,
        alert=action.alert,
        person=lens.pseudonym(action.person),
        reason=action.reason,
        state=action.state,
        asked_by=action.asked_by,
        asked=action.asked,
        expires=action.expires,
        decided_by=action.decided_by,
        decided=action.decided,
        decision=action.decision,
        changed=action.changed,
        result=nameless(lens, action.person, action.result),
    )
