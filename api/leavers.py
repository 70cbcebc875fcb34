"""Departures as HR filed them, as documents."""

from __future__ import annotations

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from access.lens import Lens
from api.desks import HrDesk
from api.masking import identity_of
from api.problems import Problem
from api.shapes import IdentityView
from api.shop import InShop
from cases.departures import first_filed
from core.access import Permission
from core.person import notice_at


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
