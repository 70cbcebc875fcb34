"""Unmasking: asked for a case, with purpose and reason, granted alone or by a second person, for a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from access import unmasking as rules
from access.lens import Lens
from api.caller import needs
from api.paging import After, Limit, Page, page, place
from api.problems import answers, not_found
from api.routing import Router
from api.shapes import UnmaskingView
from api.shop import InShop, Shop
from api.unmaskings import may_know, unmasking_views
from core.access import Caller, Depth, Permission
from core.canonical import moment_text
from core.case import Case
from core.errors import Refused
from core.unmasking import LONGEST, USUAL, Purpose, Unmasking, UnmaskingState

AN_HOUR = timedelta(hours=1)
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]
router = Router(prefix="/api/v1/unmaskings", tags=["unmaskings"], responses=answers(401, 403, 503))


class Asked(BaseModel):
    """What is asked for: who `person` of `case` is (a pseudonym; without, the case's person), to which depth, why, for
    how many hours."""

    model_config = ConfigDict(extra="forbid")

    case: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    person: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)] | None = None
    purpose: Purpose
    reason: Words
    depth: Depth = Depth.IDENTITY
    hours: Annotated[float, Field(ge=0.25, le=LONGEST / AN_HOUR, allow_inf_nan=False)] = USUAL / AN_HOUR


class Answer(BaseModel):
    """Why it is granted or refused: kept for good, with the name of whoever calls."""

    model_config = ConfigDict(extra="forbid")

    why: Words


@router.post("", operation_id="ask_to_unmask", status_code=HTTPStatus.CREATED, responses=answers(404, 409, 422))
def ask(shop: InShop, asked: Asked, caller: Caller = needs(Permission.ASK_TO_UNMASK)) -> UnmaskingView:
    """Ask to see who a person of a case is. With the right to do that alone an identity is shown at once; everything
    else waits for a second person."""
    lens = shop.lens(caller)
    case = shop.case(lens, asked.case)
    if case.decided is not None:
        raise Refused("the case is decided: nobody is unmasked for it any more")
    made = rules.ask(
        caller,
        case=case.id,
        person=_person(shop, lens, case, asked.person),
        purpose=asked.purpose,
        reason=asked.reason,
        depth=asked.depth,
        lasts=timedelta(hours=asked.hours),
        at=datetime.now(UTC),
    )
    shop.records.save_unmasking(made, None)
    return _told(shop, caller, made)


@router.get("", operation_id="list_unmaskings", responses=answers(422))
def list_unmaskings(
    shop: InShop,
    case: Annotated[str | None, Query(description="Only for this case", max_length=64)] = None,
    state: Annotated[UnmaskingState | None, Query(description="Only in this state")] = None,
    limit: Limit = 100,
    after: After = None,
    caller: Caller = needs(Permission.ASK_TO_UNMASK),
) -> Page[UnmaskingView]:
    """One's own, and for whoever may approve also everybody else's; the newest first."""
    lens, start = shop.lens(caller), place(after, (str, str))
    own = None if caller.may(Permission.APPROVE_UNMASKING) else caller.name
    known = [one for one in shop.records.unmaskings(asked_by=own, case=case, state=state) if may_know(lens, one)]
    left = [one for one in known if start is None or _key(one) < start]
    shown, following = page(left[: limit + 1], limit, _key)
    shop.looks.note(lens, "unmaskings", (one.person for one in shown))
    return Page(items=unmasking_views(shop, lens, shown), next=following)


@router.get("/{unmasking_id}", operation_id="get_unmasking", responses=answers(404))
def get_unmasking(shop: InShop, unmasking_id: str, caller: Caller = needs(Permission.ASK_TO_UNMASK)) -> UnmaskingView:
    """One of them."""
    return _told(shop, caller, _found(shop, caller, unmasking_id))


@router.post("/{unmasking_id}/approve", operation_id="approve_unmasking", responses=answers(404, 409, 422))
def approve(
    shop: InShop, unmasking_id: str, answer: Answer, caller: Caller = needs(Permission.APPROVE_UNMASKING)
) -> UnmaskingView:
    """Grant what another person asked for; its time runs from now."""
    return _changed(shop, caller, unmasking_id, lambda one, at: rules.approve(one, caller, answer.why, at))


@router.post("/{unmasking_id}/refuse", operation_id="refuse_unmasking", responses=answers(404, 409, 422))
def refuse(
    shop: InShop, unmasking_id: str, answer: Answer, caller: Caller = needs(Permission.APPROVE_UNMASKING)
) -> UnmaskingView:
    """Refuse what another person asked for."""
    return _changed(shop, caller, unmasking_id, lambda one, at: rules.refuse(one, caller, answer.why, at))


@router.post("/{unmasking_id}/withdraw", operation_id="withdraw_unmasking", responses=answers(404, 409))
def withdraw(shop: InShop, unmasking_id: str, caller: Caller = needs(Permission.ASK_TO_UNMASK)) -> UnmaskingView:
    """Ask for it no more, while it waits."""
    return _changed(shop, caller, unmasking_id, lambda one, at: rules.withdraw(one, caller, at))


@router.post("/{unmasking_id}/end", operation_id="end_unmasking", responses=answers(404, 409))
def end(shop: InShop, unmasking_id: str, caller: Caller = needs(Permission.ASK_TO_UNMASK)) -> UnmaskingView:
    """End one in force before its time."""
    return _changed(shop, caller, unmasking_id, lambda one, at: rules.end(one, caller, at))


def _person(shop: Shop, lens: Lens, case: Case, pseudonym: str | None) -> str:
    """Whom of the case it is about."""
    if pseudonym is None:
        return case.person
    person = lens.person(pseudonym)
    if person is None or person not in {case.person, *shop.records.alert_persons(case.alerts).values()}:
        raise not_found("person")
    return person


def _found(shop: Shop, caller: Caller, unmasking_id: str) -> Unmasking:
    found = shop.records.unmasking(unmasking_id)
    if found is None or not may_know(shop.lens(caller), found):
        raise not_found("unmasking")
    return found


def _changed(
    shop: Shop, caller: Caller, unmasking_id: str, change: Callable[[Unmasking, datetime], Unmasking]
) -> UnmaskingView:
    known = _found(shop, caller, unmasking_id)
    changed = change(known, datetime.now(UTC))
    if changed.state is UnmaskingState.GRANTED and not _undecided(shop, known.case):
        raise Refused("the case is decided: nobody is unmasked for it any more")
    shop.records.save_unmasking(changed, known.state)
    return _told(shop, caller, changed)


def _undecided(shop: Shop, case_id: str) -> bool:
    case = shop.records.case(case_id)
    return case is not None and case.decided is None


def _told(shop: Shop, caller: Caller, unmasking: Unmasking) -> UnmaskingView:
    lens = shop.lens(caller)
    shop.looks.note(lens, "unmasking", (unmasking.person, unmasking.case))
    (view,) = unmasking_views(shop, lens, [unmasking])
    return view


def _key(unmasking: Unmasking) -> tuple[str, str]:
    return moment_text(unmasking.asked), unmasking.id
