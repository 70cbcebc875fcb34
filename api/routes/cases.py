"""Cases: a person's alerts together, or a crew's."""

from __future__ import annotations

from fastapi import APIRouter

from api.caller import needs
from api.problems import answers
from api.routes.alerts import Limit, Offset, Person
from api.shapes import CaseView
from api.shop import InShop
from api.views import case_views, cases_of
from core.access import Caller, Permission

router = APIRouter(prefix="/api/v1/cases", tags=["cases"], responses=answers(401, 403, 503))


@router.get("", operation_id="list_cases")
def list_cases(
    shop: InShop,
    person: Person = None,
    limit: Limit = 100,
    offset: Offset = 0,
    caller: Caller = needs(Permission.READ_CASES),
) -> list[CaseView]:
    """Cases, oldest first."""
    found = cases_of(shop.records, None if person is None else [person])[offset : offset + limit]
    shop.looks.note(caller, "cases", (one for case in found for one in (case.id, case.person)))
    return case_views(found, shop.directory())
