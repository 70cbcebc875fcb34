"""Cases: a person's alerts together, or a crew's."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from api.caller import needs
from api.problems import answers, not_found
from api.routes.alerts import Limit, Offset, Person, only
from api.shapes import AlertView, CaseView, Language, UnmaskingView
from api.shop import InShop
from api.unmaskings import in_force
from api.views import alert_views, case_views, cases_of
from core.access import Caller, Permission

router = APIRouter(prefix="/api/v1/cases", tags=["cases"], responses=answers(401, 403, 503))


class CaseDetail(BaseModel):
    """One case with its alerts, oldest first, and the unmaskings in force for it that the caller may know of."""

    case: CaseView
    alerts: list[AlertView]
    unmaskings: list[UnmaskingView]


@router.get("", operation_id="list_cases", responses=answers(404))
def list_cases(
    shop: InShop,
    person: Person = None,
    limit: Limit = 100,
    offset: Offset = 0,
    caller: Caller = needs(Permission.READ_CASES),
) -> list[CaseView]:
    """Cases, oldest first."""
    lens = shop.lens(caller)
    found = [case for case in cases_of(shop.records, only(lens, person)) if shop.sees(lens, case)]
    some = found[offset : offset + limit]
    shop.looks.note(caller, "cases", (one for case in some for one in (case.id, case.person)))
    return case_views(some, shop.records, lens)


@router.get("/{case_id}", operation_id="get_case", responses=answers(404))
def get_case(
    shop: InShop, case_id: str, lang: Language = "en", caller: Caller = needs(Permission.READ_CASES)
) -> CaseDetail:
    """One case with its alerts; of a crew's those of members whom the caller may look at."""
    lens, case = shop.lens(caller), shop.records.case(case_id)
    if case is None or not shop.sees(lens, case):
        raise not_found("case")
    alerts = [alert for alert in shop.records.alerts_named(case.alerts) if lens.within(alert.person)]
    shop.looks.note(caller, "case", (case.id, case.person, *(alert.person for alert in alerts)))
    (view,) = case_views([case], shop.records, lens)
    return CaseDetail(
        case=view,
        alerts=alert_views(alerts, shop.records, shop.events, lens, shop.book, lang),
        unmaskings=in_force(shop, lens, case=case.id),
    )
