"""Events, searched and added up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.caller import needs
from api.looks import whose
from api.paging import Limit
from api.problems import answers
from api.search import EventPage, Order, TotalView, asked, event_page, totals
from api.shop import InShop, Moment, utc
from core.access import Caller, Permission

ACCOUNT = "user.account"
Search = Annotated[str | None, Query(description="A Lucene query; none finds everything", max_length=4_000)]
router = APIRouter(prefix="/api/v1/events", tags=["events"], responses=answers(401, 403, 422, 503))


@router.get("", operation_id="search_events")
def search_events(
    shop: InShop,
    q: Search = None,
    since: Moment = None,
    until: Moment = None,
    newest: Annotated[bool, Query(description="Newest first")] = False,
    limit: Limit = 100,
    after: Annotated[str | None, Query(description="`next` of the answer before", max_length=100)] = None,
    caller: Caller = needs(Permission.READ_EVENTS),
) -> EventPage:
    """Events, oldest first; `since` <= time < `until`."""
    directory = shop.directory()
    query = asked(q, utc(since), utc(until), directory)
    page = event_page(shop.events, query, limit=limit, newest=newest, after=after)
    shop.looks.note(caller, "events", whose((event.get(ACCOUNT) for event in page.events), directory))
    return page


@router.get("/totals", operation_id="total_events")
def total_events(
    shop: InShop,
    by: Annotated[list[str], Query(description="`day` or keyword fields", min_length=1, max_length=4)],
    q: Search = None,
    since: Moment = None,
    until: Moment = None,
    order: Order = "events",
    limit: Limit = 100,
    caller: Caller = needs(Permission.READ_EVENTS),
) -> list[TotalView]:
    """How many events there are by account, day, ..., the largest totals first; days are the company's."""
    directory = shop.directory()
    query = asked(q, utc(since), utc(until), directory)
    found = totals(shop.events, query, by, directory.calendar.zone, order=order, limit=limit)
    shop.looks.note(caller, "totals", whose((total.by.get(ACCOUNT) for total in found), directory))
    return found
