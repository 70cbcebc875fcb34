"""Whole lists for other systems: all pages of a list in one answer, with all that the list's own route sees to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import StreamingResponse

from api.caller import needs
from api.ndjson import MEDIA_TYPE, PIECE, ndjson
from api.problems import answers
from api.routes.alerts import list_alerts
from api.routes.cases import list_cases
from api.routes.events import Search, search_events
from api.routing import Router
from api.shop import InShop, Moment, Shop
from core.access import Caller, Permission
from core.alert import Outcome
from core.evidence import AuditEntry, Deed

router = Router(prefix="/api/v1", tags=["exports"], responses=answers(401, 403, 422, 503))
LINES: Mapping[int | str, dict[str, Any]] = {
    200: {
        "description": "A JSON document a line",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": '{"id":"9f86d081884c7d65"}\n'}},
    }
}


@router.get("/alerts.ndjson", operation_id="export_alerts", response_class=StreamingResponse, responses={**LINES})
def export_alerts(
    request: Request,
    shop: InShop,
    since: Moment = None,
    until: Moment = None,
    outcome: Annotated[Outcome, Query(description="What became of the match")] = Outcome.ALERT,
    caller: Caller = needs(Permission.READ_ALERTS),
    _: Caller = needs(Permission.EXPORT_LISTS),
) -> StreamingResponse:
    """All alerts, a document a line, as the list shows them. The audit log says that they went out."""

    def page(after: str | None) -> tuple[Sequence[Any], str | None]:
        found = list_alerts(
            shop=shop, since=since, until=until, outcome=outcome, limit=PIECE, after=after, caller=caller
        )
        return found.items, found.next

    _noted(shop, caller, "alerts.ndjson", since, until)
    return ndjson(request, page, "alerts.ndjson")


@router.get("/cases.ndjson", operation_id="export_cases", response_class=StreamingResponse, responses={**LINES})
def export_cases(
    request: Request,
    shop: InShop,
    caller: Caller = needs(Permission.READ_CASES),
    _: Caller = needs(Permission.EXPORT_LISTS),
) -> StreamingResponse:
    """All cases, a document a line, as the list shows them. The audit log says that they went out."""

    def page(after: str | None) -> tuple[Sequence[Any], str | None]:
        found = list_cases(shop=shop, limit=PIECE, after=after, caller=caller)
        return found.items, found.next

    _noted(shop, caller, "cases.ndjson", None, None)
    return ndjson(request, page, "cases.ndjson")


@router.get("/events.ndjson", operation_id="export_events", response_class=StreamingResponse, responses={**LINES})
def export_events(
    request: Request,
    shop: InShop,
    q: Search = None,
    since: Moment = None,
    until: Moment = None,
    caller: Caller = needs(Permission.READ_EVENTS),
    _: Caller = needs(Permission.EXPORT_LISTS),
) -> StreamingResponse:
    """All events that a search finds, a document a line, as the search shows them. The audit log says that they went
    out."""

    def page(after: str | None) -> tuple[Sequence[Any], str | None]:
        found = search_events(shop=shop, q=q, since=since, until=until, limit=PIECE, after=after, caller=caller)
        return found.events, found.next

    _noted(shop, caller, "events.ndjson", since, until)
    return ndjson(request, page, "events.ndjson")


def _noted(shop: Shop, caller: Caller, what: str, since: datetime | None, until: datetime | None) -> None:
    """Whom it showed is noted as the lists are read, a page at a time."""
    between = {"since": since and since.isoformat(), "until": until and until.isoformat()}
    details = {"what": what} | {name: text for name, text in between.items() if text}
    shop.records.note(AuditEntry(at=datetime.now(UTC), by=caller.name, deed=Deed.LISTED, about=(), details=details))
