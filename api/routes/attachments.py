"""Files that lie with a case."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Response
from pydantic import BaseModel

from api.caller import needs
from api.filebody import BODY, Uploaded
from api.problems import answers, not_found
from api.routing import Router
from api.shop import InShop, now
from api.worked import Told, seen_case, told_on
from cases.attachments import LARGEST_OF_A_CASE, recognised, safe_name
from core.access import Caller, Permission
from core.casefiles import Attachment

router = Router(prefix="/api/v1/cases", tags=["triage"], responses=answers(401, 403, 404, 422, 503))
Id = Annotated[str, Path(max_length=200)]
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "no-store",
}
"""So that no browser does anything with what somebody attached but save it."""


class AttachmentView(BaseModel):
    """A file that lies with a case, recognised as `kind` by what it holds."""

    id: str
    name: str
    kind: str
    size: int
    sha256: str
    by: str
    at: datetime


@router.get("/{case_id}/attachments", operation_id="list_case_attachments")
def attachments(shop: InShop, case_id: Id, caller: Caller = needs(Permission.READ_CASES)) -> list[AttachmentView]:
    """The files of a case, the oldest first."""
    on = seen_case(shop, caller, case_id)
    shop.looks.note(on.lens, "attachments of a case", (on.case.id, on.case.person))
    told = told_on(shop, on)
    return [_view(one, told) for one in shop.records.attachments(on.case.id)]


@router.post(
    "/{case_id}/attachments",
    operation_id="attach_to_case",
    status_code=201,
    responses=answers(409, 413),
    openapi_extra=BODY,
)
def attach(
    shop: InShop, case_id: Id, upload: Uploaded, caller: Caller = needs(Permission.WORK_CASES)
) -> AttachmentView:
    """Attach a document or a picture. Pages, scripts, archives, programs and documents with macros are refused."""
    on = seen_case(shop, caller, case_id)
    name, data = safe_name(upload.name), upload.data
    kind = recognised(name, data)
    made = Attachment(
        id=secrets.token_hex(8),
        case=on.case.id,
        name=name,
        kind=kind,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        by=caller.name,
        at=now(),
    )
    shop.records.attach(made, data, LARGEST_OF_A_CASE)
    return _view(made, told_on(shop, on))


@router.get(
    "/{case_id}/attachments/{attachment_id}",
    operation_id="get_case_attachment",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file"}},
)
def attachment(shop: InShop, case_id: Id, attachment_id: Id, caller: Caller = needs(Permission.READ_CASES)) -> Response:
    """One file, to be saved."""
    on = seen_case(shop, caller, case_id)
    found = next((one for one in shop.records.attachments(on.case.id) if one.id == attachment_id), None)
    if found is None:
        raise not_found("attachment")
    shop.looks.note(on.lens, "attachment", (on.case.id, on.case.person))
    name = quote(told_on(shop, on)(found.by, found.name))
    named = f"attachment; filename=\"attachment.{found.kind}\"; filename*=UTF-8''{name}"
    data = shop.records.attached(found)
    return Response(data, media_type="application/octet-stream", headers={**SAFE, "Content-Disposition": named})


def _view(one: Attachment, told: Told) -> AttachmentView:
    return AttachmentView(
        id=one.id,
        name=told(one.by, one.name),
        kind=one.kind,
        size=one.size,
        sha256=one.sha256,
        by=one.by,
        at=one.at,
    )
