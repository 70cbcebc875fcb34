"""Deadlines as a list, and as a calendar for whoever is logged in or knows the secret address of theirs."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel

from access.lens import Lens
from api.caller import known, needs, no_factor, unknown
from api.desks import NotifyDesk
from api.paging import After, Limit, Page, page, place
from api.problems import Problem, answers
from api.routes.channels import AtDesk
from api.routing import Router
from api.shapes import Language
from api.shop import InShop, Shop, now
from api.worked import visible
from core.access import Caller, Permission
from core.canonical import moment_text
from core.deadline import Deadline, DeadlineKind, case_link
from notify.ics import calendar

Token = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9_-]{20,100}$", description="The secret of a calendar's address")
]
router = Router(prefix="/api/v1", tags=["deadlines"], responses=answers(401, 403, 503))


class CalendarAddress(BaseModel):
    """The address of the caller's calendar; shown once, whoever knows it reads the calendar."""

    url: str


class DeadlineView(BaseModel):
    """What has to be done by when. `id` is that of the task, case, notice or action; `person` is the pseudonym of whom
    it is about, null where nobody. `case` and `link` are null for those who work on no cases, `link` also where the
    service does not know its own address; `assignee` is empty where it is nobody's in particular."""

    kind: DeadlineKind
    id: str
    due: datetime
    overdue: bool
    assignee: str
    person: str | None
    case: str | None
    link: str | None


@router.get("/deadlines", operation_id="list_deadlines", responses=answers(422))
def list_deadlines(
    shop: InShop,
    desk: AtDesk,
    limit: Limit = 100,
    after: After = None,
    caller: Caller = needs(Permission.OWN_ACCOUNT),
) -> Page[DeadlineView]:
    """What has to be done by when, the most urgent first."""
    lens, key = shop.lens(caller), place(after, (str, str, str))
    found = [one for one in _seen(shop, lens, desk.deadlines(caller)) if key is None or _key(one) > key]
    shown, following = page(found, limit, _key)
    _note(shop, lens, shown)
    at = now()
    return Page(items=[_view(one, lens, desk.base_url, at) for one in shown], next=following)


@router.get(
    "/deadlines.ics",
    operation_id="get_deadlines",
    responses={**answers(422), 200: {"content": {"text/calendar": {}}, "description": "A calendar (RFC 5545)"}},
    response_class=Response,
)
def get_deadlines(shop: InShop, desk: AtDesk, request: Request, token: Token = None, lang: Language = "en") -> Response:
    """What has to be done by when, with pseudonyms."""
    caller = known(request) if token is None else _reader(shop, desk, token)
    if not caller.may(Permission.OWN_ACCOUNT):
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", f"this needs the permission {Permission.OWN_ACCOUNT.value}")
    lens = shop.lens(caller)
    found = _seen(shop, lens, desk.deadlines(caller))
    _note(shop, lens, found)
    made = calendar(found, lens.pseudonym, desk.base_url, lang, now())
    return Response(made, media_type="text/calendar", headers={"Cache-Control": "private, no-store"})


@router.post("/deadlines/address", operation_id="make_calendar_address", status_code=HTTPStatus.CREATED)
def make_address(
    shop: InShop, desk: AtDesk, response: Response, caller: Caller = needs(Permission.OWN_ACCOUNT)
) -> CalendarAddress:
    """A secret address of the caller's calendar, in the place of any before."""
    token = secrets.token_urlsafe(32)
    shop.records.save_calendar_token(caller.name, _digest(token), now())
    response.headers["Cache-Control"] = "no-store"
    return CalendarAddress(url=f"{desk.base_url}/api/v1/deadlines.ics?token={token}")


@router.delete("/deadlines/address", operation_id="revoke_calendar_address", status_code=HTTPStatus.NO_CONTENT)
def revoke_address(shop: InShop, caller: Caller = needs(Permission.OWN_ACCOUNT)) -> None:
    """The caller's calendar has no secret address any more."""
    shop.records.save_calendar_token(caller.name, None, now())


def _seen(shop: Shop, lens: Lens, deadlines: Sequence[Deadline]) -> list[Deadline]:
    """Those about nobody, and no case, that the caller may not look at, by when they are due."""
    named = {one.case for one in deadlines}
    cases = [case for case in shop.records.cases(persons={one.person for one in deadlines}) if case.id in named]
    seen = {"", *(case.id for case in visible(shop, lens, cases))}
    found = [one for one in deadlines if one.case in seen and (not one.person or lens.within(one.person))]
    return sorted(found, key=_key)


def _key(one: Deadline) -> tuple[str, str, str]:
    return moment_text(one.due), one.kind.value, one.id


def _view(one: Deadline, lens: Lens, base_url: str, at: datetime) -> DeadlineView:
    return DeadlineView(
        kind=one.kind,
        id=one.id,
        due=one.due,
        overdue=one.due <= at,
        assignee=one.assignee,
        person=lens.pseudonym(one.person) if one.person else None,
        case=one.case or None,
        link=case_link(base_url, one.case) or None,
    )


def _note(shop: Shop, lens: Lens, found: Sequence[Deadline]) -> None:
    shop.looks.note(lens, "deadlines", (about for one in found for about in (one.person, one.case) if about))


def _reader(shop: Shop, desk: NotifyDesk, token: str) -> Caller:
    name = shop.records.calendar_user(_digest(token))
    member = desk.staff.member(name) if name is not None else None
    if name is None or member is None:
        raise unknown("nobody's calendar has this address")
    user = shop.records.user(name)
    if user and shop.entrance and shop.entrance.gate.lacks_factor(user):
        raise no_factor()
    return member.caller


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
