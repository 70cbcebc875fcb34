"""Events, searched and added up."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.caller import needs
from api.paging import Limit
from api.problems import answers
from api.routing import Router
from api.search import EventPage, Order, TotalView, asked, event_page, totals
from api.shop import InShop, Moment, utc
from core.access import Caller, Permission

Search = Annotated[str | None, Query(description="A Lucene query; none finds everything", max_length=4_000)]
router = Router(prefix="/api/v1/events", tags=["events"], responses=answers(401, 403, 422, 503))


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
    """Events, oldest first; `since` <= time < `until`. Of somebody masked only what identifies nobody is shown. A query
    by anything else searches the events of unmasked persons only; `person.id` takes a pseudonym."""
    lens = shop.lens(caller)
    query = asked(q, utc(since), utc(until), lens)
    page, persons = event_page(shop.events, query, lens, limit=limit, newest=newest, after=after)
    shop.looks.note(lens, "events", persons)
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
    """How many events there are by account, day, ..., the largest totals first; days are the company's. Accounts are
    shown as pseudonyms, added up by person; by other fields that identify somebody only events of unmasked persons are
    counted."""
    lens = shop.lens(caller)
    query = asked(q, utc(since), utc(until), lens, by)
    found, persons = totals(shop.events, query, by, lens, order=order, limit=limit)
    shop.looks.note(lens, "totals", persons)
    return found
