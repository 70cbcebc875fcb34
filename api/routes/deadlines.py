"""Deadlines as a calendar, for whoever is logged in or knows the secret address of their calendar."""

from __future__ import annotations

import hashlib
import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.caller import known, needs, unknown
from api.desks import NotifyDesk
from api.problems import Problem, answers
from api.routes.channels import AtDesk
from api.shapes import Language
from api.shop import InShop, Shop, now
from core.access import Caller, Permission
from notify.ics import calendar

Token = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9_-]{20,100}$", description="The secret of a calendar's address")
]
router = APIRouter(prefix="/api/v1", tags=["deadlines"], responses=answers(401, 403, 503))


class CalendarAddress(BaseModel):
    """The address of the caller's calendar; shown once, whoever knows it reads the calendar."""

    url: str


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
    found = [one for one in desk.deadlines(caller) if not one.person or lens.within(one.person)]
    shop.looks.note(caller, "deadlines", (about for one in found for about in (one.person, one.case) if about))
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


def _reader(shop: Shop, desk: NotifyDesk, token: str) -> Caller:
    user = shop.records.calendar_user(_digest(token))
    member = desk.staff.member(user) if user is not None else None
    if member is None:
        raise unknown("nobody's calendar has this address")
    return member.caller


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
