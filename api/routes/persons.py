"""Persons, by risk."""

from __future__ import annotations

from fastapi import APIRouter

from api.caller import needs
from api.problems import answers
from api.routes.alerts import Limit, Offset
from api.shapes import RiskView
from api.shop import InShop, Moment, utc
from api.views import data_clock, risk_views
from core.access import Caller, Permission

router = APIRouter(prefix="/api/v1/persons", tags=["persons"], responses=answers(401, 403, 503))


@router.get("", operation_id="list_persons_by_risk")
def list_persons(
    shop: InShop,
    at: Moment = None,
    limit: Limit = 100,
    offset: Offset = 0,
    caller: Caller = needs(Permission.READ_PERSONS),
) -> list[RiskView]:
    """Persons by risk as of `at` (default: the newest event or alert), highest first."""
    moment = utc(at) or data_clock(shop.records, shop.events)
    page = slice(offset, offset + limit)
    found = risk_views(shop.records.alerts(), shop.events, shop.directory(), shop.book, moment, page)
    shop.looks.note(caller, "persons", (view.person for view in found))
    return found
