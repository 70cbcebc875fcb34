"""Departures as HR filed them, as documents; and how a filing names its person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from access.lens import Lens
from api.desks import HrDesk
from api.problems import Problem
from api.shop import InShop
from core.access import Permission
from core.directory import Directory
from core.person import Filing, account_key, notice_at


class IdentityView(BaseModel):
    """Who somebody is."""

    employee_number: str
    name: str
    email: str
    department: str
    title: str


class LeaverView(BaseModel):
    """Somebody HR filed anything about. `identity` is known to those who file, else null. `stage` is active where the
    resignation was withdrawn or is not known yet; `filed` is when it was first filed, `last_day` as it was filed last;
    `withdrawn` is when it was withdrawn."""

    person: str
    identity: IdentityView | None
    stage: str
    filed: datetime
    last_day: date | None
    days_left: int | None
    withdrawn: datetime | None


def _desk(shop: InShop) -> HrDesk:
    if shop.hr is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-hr", "nothing is filed here")
    return shop.hr


AtDesk = Annotated[HrDesk, Depends(_desk)]


def identity_of(directory: Directory, person: str) -> IdentityView:
    known = directory.person(person)
    number = "" if "@" in known.id or ":" in known.id else known.id
    return IdentityView(
        employee_number=number,
        name=known.name,
        email=known.email,
        department=known.department,
        title=known.title,
    )


def leaver_view(lens: Lens, person: str, at: datetime) -> LeaverView:
    """A person of whom something was filed, at a moment."""
    directory = lens.directory
    filings = directory.filings_of(person)
    named = lens.caller.may(Permission.FILE_LEAVERS) or lens.shows(person)
    notice = notice_at(filings, at)
    last = notice or filings[-1]
    return LeaverView(
        person=lens.pseudonym(person),
        identity=identity_of(directory, person) if named else None,
        stage=directory.stage(person, at).value,
        filed=first_filed(filings, last),
        last_day=last.last_day,
        days_left=directory.days_left(person, at),
        withdrawn=last.filed if last.withdrawn else None,
    )


def first_filed(filings: Sequence[Filing], last: Filing) -> datetime:
    """When the departure was first filed whose last filing this is: a changed last day is no new departure."""
    known = sorted((one for one in filings if one.filed <= last.filed), key=lambda one: (one.filed, one.withdrawn))
    own = known[:-1] if last.withdrawn else known
    since = max((at for at, one in enumerate(own) if one.withdrawn), default=-1) + 1
    return (own[since:] or known[-1:])[0].filed


def account_of(directory: Directory, person: str, at: datetime) -> str | None:
    """An account that was the person's at that moment, to file by; None where there was none."""
    known = directory.person(person)
    names = [account_key("employee", known.id), account_key("mail", known.email or known.id), person]
    return next((name for name in names if directory.person_at(name, at) == person), None)
