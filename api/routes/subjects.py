"""Answers to people who ask what is held about them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http import HTTPStatus
from typing import IO

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from api.caller import needs
from api.problems import Problem, answers, not_found
from api.shop import InShop
from core.access import Caller, Permission

PIECE = 1 << 16
router = APIRouter(prefix="/api/v1/subjects", tags=["subjects"], responses=answers(401, 403, 404, 409, 503))


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
    if shop.subjects is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-subjects", "people are answered elsewhere, not here")
    file = shop.subjects.answer(found, by=caller.name)
    headers = {
        "Content-Length": str(os.fstat(file.fileno()).st_size),
        "Content-Disposition": f'attachment; filename="{shop.pseudonyms(found)}.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_pieces(file), media_type="application/zip", headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
