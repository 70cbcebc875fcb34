"""The HTTP service: views of alerts, persons and sources, and models to put to work, behind a bearer token."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response, status
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, JsonValue

from api.looks import Looks, whose
from api.metrics import Counts, exposition
from api.models import Desk
from api.models import router as models
from api.search import EventPage, Order, TotalView, asked, event_page, totals
from api.shapes import AlertView, CaseView, Language, RiskView, SourceView
from api.views import (
    alert_views,
    case_views,
    cases_of,
    data_clock,
    event_documents,
    risk_views,
    source_views,
)
from core.alert import Outcome
from core.directory import Directory
from core.errors import BadQuery, Damaged, Unavailable
from core.ports import EventStore, Records
from detection.rulebook import RuleBook

ACCOUNT = "user.account"
Person = Annotated[str | None, Query(description="Only this person's", max_length=512)]
Moment = Annotated[datetime | None, Query(description="RFC 3339; without a zone it is UTC")]
Search = Annotated[str | None, Query(description="A Lucene query; none finds everything", max_length=4_000)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


class Shop:
    """What the routes read from; the directory is read afresh for every answer. Without a desk no model is changed."""

    def __init__(
        self,
        records: Records,
        events: EventStore,
        book: RuleBook,
        directory: Callable[[], Directory],
        desk: Desk | None = None,
    ) -> None:
        self.records = records
        self.events = events
        self.book = book
        self.directory = directory
        self.desk = desk
        self.looks = Looks(records)


class Health(BaseModel):
    """Says the process answers."""

    status: str = "ok"


class AlertDetail(BaseModel):
    """One alert with the events that add up to it."""

    alert: AlertView
    events: list[dict[str, JsonValue]]


def create_app(shop: Shop, token: str) -> FastAPI:
    """The service. Every route but health and readiness wants `Authorization: Bearer <token>`."""
    app = FastAPI(
        title="leaverwatch",
        version="1",
        summary="Explained alerts about what people do before and after they leave",
        docs_url=None,
        redoc_url=None,
    )
    app.state.shop = shop
    app.state.counts = Counts(shop.events)
    app.state.token = token
    app.add_exception_handler(Damaged, _no_store)
    app.add_exception_handler(Unavailable, _no_store)
    app.add_exception_handler(BadQuery, _bad_query)
    app.include_router(_open)
    for closed in (_closed, models):
        app.include_router(closed, dependencies=[Depends(_knows_token)])
    return app


SCHEME = HTTPBearer(description="The token printed by `leaverwatch serve`")


def _knows_token(request: Request, credentials: Annotated[HTTPAuthorizationCredentials, Depends(SCHEME)]) -> None:
    if not secrets.compare_digest(credentials.credentials.encode(), request.app.state.token.encode()):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "wrong token", {"WWW-Authenticate": "Bearer"})


async def _no_store(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status.HTTP_503_SERVICE_UNAVAILABLE)


def _shop(request: Request) -> Shop:
    shop: Shop = request.app.state.shop
    return shop


async def _bad_query(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status.HTTP_422_UNPROCESSABLE_CONTENT)


InShop = Annotated[Shop, Depends(_shop)]
_open = APIRouter()
_closed = APIRouter(responses={401: {"description": "No or wrong token"}})
BAD_QUERY: dict[int | str, dict[str, object]] = {422: {"description": "A query or a parameter cannot be understood"}}


@_open.get("/healthz", operation_id="health")
def health() -> Health:
    """The process answers."""
    return Health()


@_open.get("/readyz", operation_id="ready", responses={503: {"description": "The stores do not answer"}})
def ready(shop: InShop) -> Health:
    """The stores answer."""
    try:
        shop.events.count()
    except Exception:  # whatever is broken below, the answer is the same: not ready
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "the stores do not answer") from None
    return Health()


@_closed.get("/metrics", operation_id="metrics", response_class=Response)
def metrics(request: Request, shop: InShop) -> Response:
    """Counts for Prometheus; those of events are at most a minute old."""
    return Response(exposition(shop.records, request.app.state.counts), media_type=CONTENT_TYPE_LATEST)


@_closed.get("/api/v1/alerts", operation_id="list_alerts")
def list_alerts(
    shop: InShop,
    person: Person = None,
    since: Moment = None,
    until: Moment = None,
    lang: Language = "en",
    outcome: Annotated[Outcome, Query(description="What became of the match")] = Outcome.ALERT,
    limit: Limit = 100,
    offset: Offset = 0,
) -> list[AlertView]:
    """Alerts, oldest first; `since` <= time < `until`. Matches that are none are asked for by their outcome."""
    found = shop.records.alerts(persons=_only(person), since=utc(since), until=utc(until), outcome=outcome)
    some = found[offset : offset + limit]
    shop.looks.note("alerts", (alert.person for alert in some))
    return alert_views(some, shop.records, shop.events, shop.directory(), shop.book, lang)


@_closed.get("/api/v1/alerts/{alert_id}", operation_id="get_alert", responses={404: {"description": "No such alert"}})
def get_alert(shop: InShop, alert_id: str, lang: Language = "en") -> AlertDetail:
    """One alert with its ledger and its events."""
    alert = shop.records.alert(alert_id)
    if alert is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no such alert")
    shop.looks.note("alert", (alert.id, alert.person))
    directory = shop.directory()
    (view,) = alert_views([alert], shop.records, shop.events, directory, shop.book, lang)
    return AlertDetail(alert=view, events=event_documents(shop.events, alert, directory.calendar, shop.book.reach))


@_closed.get("/api/v1/cases", operation_id="list_cases")
def list_cases(shop: InShop, person: Person = None, limit: Limit = 100, offset: Offset = 0) -> list[CaseView]:
    """Cases, oldest first."""
    found = cases_of(shop.records, _only(person))[offset : offset + limit]
    shop.looks.note("cases", (one for case in found for one in (case.id, case.person)))
    return case_views(found, shop.directory())


@_closed.get("/api/v1/persons", operation_id="list_persons_by_risk")
def list_persons(shop: InShop, at: Moment = None, limit: Limit = 100, offset: Offset = 0) -> list[RiskView]:
    """Persons by risk as of `at` (default: the newest event or alert), highest first."""
    moment = utc(at) or data_clock(shop.records, shop.events)
    page = slice(offset, offset + limit)
    found = risk_views(shop.records.alerts(), shop.events, shop.directory(), shop.book, moment, page)
    shop.looks.note("persons", (view.person for view in found))
    return found


@_closed.get("/api/v1/sources", operation_id="list_sources")
def list_sources(shop: InShop) -> list[SourceView]:
    """What has arrived, source by source."""
    return source_views(shop.events, shop.directory())


@_closed.get("/api/v1/events", operation_id="search_events", responses=BAD_QUERY)
def search_events(
    shop: InShop,
    q: Search = None,
    since: Moment = None,
    until: Moment = None,
    newest: Annotated[bool, Query(description="Newest first")] = False,
    limit: Limit = 100,
    after: Annotated[str | None, Query(description="`next` of the answer before", max_length=100)] = None,
) -> EventPage:
    """Events, oldest first; `since` <= time < `until`."""
    directory = shop.directory()
    query = asked(q, utc(since), utc(until), directory)
    page = event_page(shop.events, query, limit=limit, newest=newest, after=after)
    shop.looks.note("events", whose((event.get(ACCOUNT) for event in page.events), directory))
    return page


@_closed.get("/api/v1/events/totals", operation_id="total_events", responses=BAD_QUERY)
def total_events(
    shop: InShop,
    by: Annotated[list[str], Query(description="`day` or keyword fields", min_length=1, max_length=4)],
    q: Search = None,
    since: Moment = None,
    until: Moment = None,
    order: Order = "events",
    limit: Limit = 100,
) -> list[TotalView]:
    """How many events there are by account, day, ..., the largest totals first; days are the company's."""
    directory = shop.directory()
    query = asked(q, utc(since), utc(until), directory)
    found = totals(shop.events, query, by, directory.calendar.zone, order=order, limit=limit)
    shop.looks.note("totals", whose((total.by.get(ACCOUNT) for total in found), directory))
    return found


def utc(moment: datetime | None) -> datetime | None:
    """A moment without a zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _only(person: str | None) -> list[str] | None:
    return None if person is None else [person]
