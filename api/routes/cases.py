"""Cases: a person's alerts together, or a crew's."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from access.lens import Lens
from access.permissions import sees_every_case
from api.caller import needs
from api.paging import After, Limit, Page, moment_place, page
from api.problems import answers
from api.routes.alerts import Newest, Pseudonym, named
from api.routing import Router
from api.shapes import AlertView, CaseView, Language, UnmaskingView
from api.shop import InShop, Moment, Shop, utc
from api.unmaskings import in_force
from api.views import alert_views, case_views
from api.worked import WorkView, work_view
from core.access import Caller, Permission
from core.case import Case, CaseState
from core.listing import CaseQuery

router = Router(prefix="/api/v1/cases", tags=["cases"], responses=answers(401, 403, 422, 503))
MOST = 25


class CaseDetail(BaseModel):
    """One case with its newest alerts (25 at most, oldest first; `/alerts` has all), where work on it stands, and the
    unmaskings in force for it that the caller may know of. `work` is null where the case is also about somebody whom
    the caller may not look at."""

    case: CaseView
    work: WorkView | None
    alerts: list[AlertView]
    unmaskings: list[UnmaskingView]


@router.get("", operation_id="list_cases", responses=answers(404))
def list_cases(
    shop: InShop,
    person: Pseudonym = None,
    since: Moment = None,
    until: Moment = None,
    state: Annotated[list[CaseState] | None, Query(description="Only these", max_length=20)] = None,
    newest: Newest = False,
    limit: Limit = 25,
    after: After = None,
    caller: Caller = needs(Permission.READ_CASES),
) -> Page[CaseView]:
    """Cases a page at a time, oldest first; `since` <= opened < `until`. Of one person also those in which their alerts
    are, as in a crew's."""
    lens = shop.lens(caller)
    query = CaseQuery(
        whose=shop.whose(lens),
        about=None if person is None else named(lens, person),
        handed_over=not sees_every_case(caller),
        states=state or (),
        since=utc(since),
        until=utc(until),
        newest=newest,
        after=moment_place(after),
        limit=limit + 1,
    )
    shown, following = page(shop.records.case_page(query), limit, lambda case: (case.opened.isoformat(), case.id))
    shop.looks.note(lens, "cases", (one for case in shown for one in (case.id, case.person)))
    return Page(items=case_views(shown, shop.records, lens), next=following)


@router.get("/{case_id}", operation_id="get_case", responses=answers(404))
def get_case(
    shop: InShop, case_id: str, lang: Language = "en", caller: Caller = needs(Permission.READ_CASES)
) -> CaseDetail:
    """One case with its newest alerts; of a crew's those of members whom the caller may look at."""
    lens = shop.lens(caller)
    case = shop.case(lens, case_id)
    whose = _whose(shop, lens, case)
    shop.looks.note(lens, "case", (case.id, case.person, *dict.fromkeys(whose.values())))
    alerts = shop.records.alerts_named(list(whose)[-MOST:])
    (view,) = case_views([case], shop.records, lens)
    return CaseDetail(
        case=view,
        work=work_view(shop, lens, case),
        alerts=alert_views(alerts, shop.records, None, lens, shop.book, lang),
        unmaskings=in_force(shop, lens, case=case.id),
    )


@router.get("/{case_id}/alerts", operation_id="list_alerts_of_case", responses=answers(404))
def list_alerts(
    shop: InShop,
    case_id: str,
    lang: Language = "en",
    limit: Limit = 25,
    after: After = None,
    caller: Caller = needs(Permission.READ_CASES),
) -> Page[AlertView]:
    """The alerts of a case a page at a time, oldest first; of a crew's those of members whom the caller may look at."""
    lens = shop.lens(caller)
    case = shop.case(lens, case_id)
    whose = _whose(shop, lens, case)
    found = shop.records.alerts_among(whose, moment_place(after), limit + 1)
    shown, following = page(found, limit, lambda alert: (alert.time.isoformat(), alert.id))
    shop.looks.note(lens, "case", (case.id, case.person, *dict.fromkeys(alert.person for alert in shown)))
    return Page(items=alert_views(shown, shop.records, None, lens, shop.book, lang), next=following)


def _whose(shop: Shop, lens: Lens, case: Case) -> dict[str, str]:
    """The case's alerts in its order, those of persons whom the caller may look at, by person."""
    whose = shop.records.alert_persons(case.alerts)
    return {alert: whose[alert] for alert in case.alerts if alert in whose and lens.within(whose[alert])}
