"""Exceptions that a benign case speaks for, filed by one call."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field

from api.caller import needs
from api.problems import Problem, answers
from api.routing import Router
from api.shop import InShop, now
from api.texts import Name, Reason
from api.worked import OnCase, seen_case
from core.access import Caller, Permission
from core.grounds import RuleException

router = Router(prefix="/api/v1/cases", tags=["triage"], responses=answers(401, 403, 404, 422, 503))


class ExceptionFiling(BaseModel):
    """One of the proposed exceptions, for so many days from now on."""

    model_config = ConfigDict(extra="forbid")
    rule: Name
    reason: Reason
    days: int = Field(default=90, ge=1, le=366)


class FiledException(BaseModel):
    """An exception in force. `person` is the pseudonym."""

    id: str
    rule: str
    person: str
    reason: str
    owner: str
    since: datetime
    expires: datetime


@router.post("/{case_id}/exceptions", operation_id="file_case_exception", status_code=201, responses=answers(409))
def file_exception(
    shop: InShop, case_id: str, body: ExceptionFiling, caller: Caller = needs(Permission.FILE_GROUNDS)
) -> FiledException:
    """File one of the exceptions that a benign case speaks for, for its person."""
    on = seen_case(shop, caller, case_id)
    if shop.exceptions is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-exceptions", "exceptions are not filed here")
    expires = now() + timedelta(days=body.days)
    made = shop.exceptions.file(on.case, body.rule, by=caller.name, reason=body.reason, expires=expires)
    return _filed(on, made)


def _filed(on: OnCase, made: RuleException) -> FiledException:
    return FiledException(
        id=made.id,
        rule=made.rule,
        person=on.lens.pseudonym(on.case.person),
        reason=made.reason,
        owner=made.owner,
        since=made.since,
        expires=made.expires,
    )
