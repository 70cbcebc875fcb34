"""Cases: a person's alerts together, or a crew's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.caller import needs
from api.paging import After, Limit, Page, moment_place, page
from api.problems import answers
from api.routes.alerts import Newest, Pseudonym, named
from api.shapes import CaseView
from api.shop import InShop, Moment, utc
from api.views import case_views
from core.access import Caller, Permission
from core.case import CaseState
from core.listing import CaseQuery

router = APIRouter(prefix="/api/v1/cases", tags=["cases"], responses=answers(401, 403, 422, 503))


@router.get("", operation_id="list_cases", responses=answers(404))
def list_cases(
    shop: InShop,
    person: Pseudonym = None,
    since: Moment = None,
    until: Moment = None,
    state: Annotated[list[CaseState] | None, Query(description="Only these", max_length=20)] = None,
    newest: Newest = False,
    limit: Limit = 50,
    after: After = None,
    caller: Caller = needs(Permission.READ_CASES),
) -> Page[CaseView]:
    """Cases a page at a time, oldest first; `since` <= opened < `until`. Of one person also those in which their alerts
    are, as in a crew's."""
    lens = shop.lens(caller)
    query = CaseQuery(
        whose=shop.whose(lens),
        about=None if person is None else named(lens, person),
        states=state or (),
        since=utc(since),
        until=utc(until),
        newest=newest,
        after=moment_place(after),
        limit=limit + 1,
    )
    shown, following = page(shop.records.case_page(query), limit, lambda case: (case.opened.isoformat(), case.id))
    shop.looks.note(caller, "cases", (one for case in shown for one in (case.id, case.person)))
    return Page(items=case_views(shown, lens.directory), next=following)
