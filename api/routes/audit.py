"""The audit log: who saw, decided, unmasked, held and handed out what; and whether it is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from access.lens import Lens
from api.caller import needs
from api.looks import THE_LOG
from api.masking import is_thing, subjects
from api.paging import After, Limit, Page, page, place
from api.problems import answers, not_found
from api.routing import Router
from api.shop import InShop, Moment, Shop, utc
from core import auditing
from core.access import Caller, Permission, Scope
from core.errors import Broken
from core.evidence import AuditEntry, Deed

router = Router(prefix="/api/v1/audit", tags=["audit"], responses=answers(401, 403, 503))


class AuditView(BaseModel):
    """One entry: who did what, when and why. `about` are cases and alerts by id, and persons by pseudonym. `digest` is
    made of all the rest and of the digest `before`."""

    number: int
    at: datetime
    by: str
    deed: Deed
    about: list[str]
    why: str
    details: dict[str, Any]
    before: str
    digest: str


class Wholeness(BaseModel):
    """How many entries there are, each of which follows the one before it; or what is broken first."""

    entries: int
    broken: str | None


@router.get("", operation_id="list_audit", responses=answers(404, 422))
def list_audit(
    shop: InShop,
    about: Annotated[str | None, Query(description="A person's pseudonym, a case or an alert", max_length=64)] = None,
    by: Annotated[str | None, Query(description="Only what somebody did", max_length=200)] = None,
    deed: Annotated[Deed | None, Query(description="Only this deed")] = None,
    since: Moment = None,
    limit: Limit = 100,
    after: After = None,
    caller: Caller = needs(Permission.READ_AUDIT),
) -> Page[AuditView]:
    """Entries in order, whoever they are about: an auditor sees every look."""
    lens, start = _lens(shop, caller), place(after, (int,))
    subject = None if about is None else _subject(about, lens)
    number = -1 if start is None else min(int(start[0]), LAST)
    found = shop.records.audited(subject, utc(since), by=by, deed=deed, after=number, most=limit + 1)
    shown, following = page(found, limit, lambda entry: (entry.number,))
    shop.looks.note(lens, "audit log", [subject or THE_LOG])
    return Page(items=[_view(entry, lens) for entry in shown], next=following)


@router.get("/check", operation_id="check_audit")
def check_audit(shop: InShop, _: Caller = needs(Permission.READ_AUDIT)) -> Wholeness:
    """Whether no entry was changed, taken out or put in. This takes as long as reading all of them."""
    try:
        return Wholeness(entries=auditing.check(shop.records), broken=None)
    except Broken as error:
        return Wholeness(entries=0, broken=str(error))


LAST = 2**31 - 1


def _lens(shop: Shop, caller: Caller) -> Lens:
    """Everybody, by pseudonym."""
    return shop.lens(replace(caller, scope=Scope(), person="", permissions=frozenset()))


def _subject(about: str, lens: Lens) -> str:
    """What entries are found by: persons by pseudonym only."""
    person = lens.person(about)
    if person is None and not is_thing(about, lens):
        raise not_found("person, case or alert")
    return person or about


def _view(entry: AuditEntry, lens: Lens) -> AuditView:
    return AuditView(
        number=entry.number,
        at=entry.at,
        by=entry.by,
        deed=entry.deed,
        about=subjects(entry.about, lens),
        why=entry.why,
        details=dict(entry.details),
        before=entry.before,
        digest=entry.digest,
    )
