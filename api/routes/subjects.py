"""Answers to people who ask what is held about them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import IO, Annotated

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from api.caller import needs
from api.desks import SubjectDesk
from api.problems import Problem, answers, not_found
from api.shop import InShop, Shop
from core.access import Caller, Permission
from core.erasing import ErasureRequest
from core.errors import Refused

PIECE = 1 << 16
router = APIRouter(prefix="/api/v1/subjects", tags=["subjects"], responses=answers(401, 403, 404, 409, 422, 503))


class ErasureAsked(BaseModel):
    """Why somebody is to be erased."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class ErasureView(BaseModel):
    """A request to erase a person, who is told by pseudonym, also once it is done. `erased` says how much went."""

    id: str
    person: str
    reason: str
    asked_by: str
    asked: datetime
    done_by: str
    done: datetime | None
    erased: dict[str, int]


@router.post(
    "/{person}/access",
    operation_id="answer_subject",
    response_class=StreamingResponse,
    responses={200: {"description": "A zip file", "content": {"application/zip": {"schema": {"type": "string"}}}}},
)
def answer(person: str, shop: InShop, caller: Caller = needs(Permission.ANSWER_SUBJECTS)) -> StreamingResponse:
    """Everything that is held about a person, given as pseudonym, in one zip file: a page to begin with in English and
    Chinese, records, events. It holds their name and mail; other people in it are pseudonyms. That it was made is in
    the audit log."""
    found = shop.lens(caller).person(person)
    if found is None:
        raise not_found("person")
    file = _desk(shop).answer(found, by=caller.name)
    headers = {
        "Content-Length": str(os.fstat(file.fileno()).st_size),
        "Content-Disposition": f'attachment; filename="{shop.pseudonyms(found)}.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_pieces(file), media_type="application/zip", headers=headers)


@router.get("/erasures", operation_id="list_erasure_requests")
def list_erasures(shop: InShop, caller: Caller = needs(Permission.ANSWER_SUBJECTS)) -> list[ErasureView]:
    """Who was to be erased, and what became of it: requests that wait come first."""
    lens = shop.lens(caller)
    found = [one for one in shop.records.erasure_requests() if not one.person or lens.within(one.person)]
    shop.looks.note(caller, "erasures", [one.person for one in found if one.person])
    return [_view(one) for one in sorted(found, key=lambda one: one.done is not None)]


@router.post("/{person}/erasure", operation_id="ask_to_erase_subject", status_code=201)
def ask_to_erase(
    person: str, asked: ErasureAsked, shop: InShop, caller: Caller = needs(Permission.ANSWER_SUBJECTS)
) -> ErasureView:
    """Ask for a person, given as pseudonym, to be erased; somebody else has to carry it out. Refused where a legal hold
    keeps what is held, or a case about them is open."""
    found = shop.lens(caller).person(person)
    if found is None:
        raise not_found("person")
    return _view(_desk(shop).ask_to_erase(found, reason=asked.reason, by=caller.name))


@router.post("/erasures/{request}/carry-out", operation_id="erase_subject")
def erase(
    request: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
    shop: InShop,
    caller: Caller = needs(Permission.ANSWER_SUBJECTS),
) -> ErasureView:
    """Erase the person whom somebody else asked to erase. It cannot be taken back."""
    lens = shop.lens(caller)
    waiting = [one for one in shop.records.erasure_requests() if one.id == request and one.person]
    if not any(lens.within(one.person) for one in waiting):
        raise not_found("request that waits")
    asker = shop.records.user(waiting[0].asked_by)
    if asker and caller.person and asker.person == caller.person:
        raise Refused(f"{caller.name} is who asked for it: somebody else has to carry it out")
    return _view(_desk(shop).erase(request, by=caller.name))


def _desk(shop: Shop) -> SubjectDesk:
    if shop.subjects is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-subjects", "people are answered elsewhere, not here")
    return shop.subjects


def _view(one: ErasureRequest) -> ErasureView:
    return ErasureView(
        id=one.id,
        person=one.pseudonym,
        reason=one.reason,
        asked_by=one.asked_by,
        asked=one.asked,
        done_by=one.done_by,
        done=one.done,
        erased=dict(one.erased),
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
