"""Answers to people who ask what is held about them, or that it be erased: one person asks, another one carries out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import IO, Annotated

from fastapi import Path
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from api.caller import needs
from api.desks import SubjectDesk
from api.problems import Problem, answers, not_found
from api.routing import Router
from api.shop import InShop, Shop
from core.access import Caller, Permission
from core.subjects import Right, SubjectRequest

PIECE = 1 << 16
RequestId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
router = Router(prefix="/api/v1/subjects", tags=["subjects"], responses=answers(401, 403, 404, 409, 422, 503))


class SubjectAsked(BaseModel):
    """What a person wants: the file of what is held about them, or to be erased; and why that is to be done."""

    model_config = ConfigDict(extra="forbid")

    right: Right
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class SubjectRequestView(BaseModel):
    """A request about a person, who is told by pseudonym, also once they are erased. `counts` says how much was handed
    over, or went, by kind."""

    id: str
    right: Right
    person: str
    reason: str
    asked_by: str
    asked: datetime
    done_by: str
    done: datetime | None
    counts: dict[str, int]


@router.get("/requests", operation_id="list_subject_requests")
def list_requests(shop: InShop, caller: Caller = needs(Permission.ANSWER_SUBJECTS)) -> list[SubjectRequestView]:
    """Whose file was asked for, who was to be erased, and what became of it: what waits comes first."""
    lens = shop.lens(caller)
    found = [one for one in shop.records.subject_requests() if not one.person or lens.within(one.person)]
    shop.looks.note(lens, "subject requests", [one.person for one in found if one.person])
    return [_view(one) for one in sorted(found, key=lambda one: one.done is not None)]


@router.post("/{person}/requests", operation_id="ask_for_subject", status_code=201)
def ask(
    person: str, asked: SubjectAsked, shop: InShop, caller: Caller = needs(Permission.ANSWER_SUBJECTS)
) -> SubjectRequestView:
    """Ask for the file of what is held about a person, given as pseudonym, or for them to be erased; somebody else has
    to carry it out. An erasure is refused where a legal hold keeps what is held, or a case about them is open."""
    found = shop.lens(caller).person(person)
    if found is None:
        raise not_found("person")
    return _view(_desk(shop).ask(found, asked.right, reason=asked.reason, by=caller.name))


@router.post(
    "/requests/{request}/access",
    operation_id="answer_subject",
    response_class=StreamingResponse,
    responses={200: {"description": "A zip file", "content": {"application/zip": {"schema": {"type": "string"}}}}},
)
def answer(request: RequestId, shop: InShop, caller: Caller = needs(Permission.ANSWER_SUBJECTS)) -> StreamingResponse:
    """Everything that is held about the person whose file somebody else asked for, in one zip file, once: a page to
    begin with in English and Chinese, records, events. It holds their name and mail; other people in it are pseudonyms.
    That it was made is in the audit log."""
    waiting = _waiting(shop, caller, request, Right.ACCESS)
    file = _desk(shop).hand_over(request, by=caller)
    headers = {
        "Content-Length": str(os.fstat(file.fileno()).st_size),
        "Content-Disposition": f'attachment; filename="{waiting.pseudonym}.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_pieces(file), media_type="application/zip", headers=headers)


@router.post("/requests/{request}/erasure", operation_id="erase_subject")
def erase(request: RequestId, shop: InShop, caller: Caller = needs(Permission.ANSWER_SUBJECTS)) -> SubjectRequestView:
    """Erase the person whom somebody else asked to erase. It cannot be taken back. Refused while a request for their
    file waits."""
    _waiting(shop, caller, request, Right.ERASURE)
    return _view(_desk(shop).erase(request, by=caller))


def _waiting(shop: Shop, caller: Caller, request: str, right: Right) -> SubjectRequest:
    """The request that waits, about somebody whom the caller may look at."""
    lens = shop.lens(caller)
    for one in shop.records.subject_requests():
        if one.id == request and one.right is right and one.waits and lens.within(one.person):
            return one
    raise not_found("request that waits")


def _desk(shop: Shop) -> SubjectDesk:
    if shop.subjects is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-subjects", "people are answered elsewhere, not here")
    return shop.subjects


def _view(one: SubjectRequest) -> SubjectRequestView:
    return SubjectRequestView(
        id=one.id,
        right=one.right,
        person=one.pseudonym,
        reason=one.reason,
        asked_by=one.asked_by,
        asked=one.asked,
        done_by="" if one.waits else one.done_by,
        done=one.done,
        counts=dict(one.counts),
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
