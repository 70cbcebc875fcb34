"""Alerts, each explained."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, JsonValue

from api.caller import needs
from api.problems import answers, not_found
from api.shapes import AlertView, Language
from api.shop import InShop, Moment, utc
from api.views import alert_views, event_documents
from core.access import Caller, Permission
from core.alert import Outcome

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], responses=answers(401, 403, 503))
Person = Annotated[str | None, Query(description="Only this person's", max_length=512)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


class AlertDetail(BaseModel):
    """One alert with the events that add up to it."""

    alert: AlertView
    events: list[dict[str, JsonValue]]


@router.get("", operation_id="list_alerts")
def list_alerts(
    shop: InShop,
    person: Person = None,
    since: Moment = None,
    until: Moment = None,
    lang: Language = "en",
    outcome: Annotated[Outcome, Query(description="What became of the match")] = Outcome.ALERT,
    limit: Limit = 100,
    offset: Offset = 0,
    caller: Caller = needs(Permission.READ_ALERTS),
) -> list[AlertView]:
    """Alerts, oldest first; `since` <= time < `until`. Matches that are none are asked for by their outcome."""
    only = None if person is None else [person]
    found = shop.records.alerts(persons=only, since=utc(since), until=utc(until), outcome=outcome)
    some = found[offset : offset + limit]
    shop.looks.note(caller, "alerts", (alert.person for alert in some))
    return alert_views(some, shop.records, shop.events, shop.directory(), shop.book, lang)


@router.get("/{alert_id}", operation_id="get_alert", responses=answers(404))
def get_alert(
    shop: InShop, alert_id: str, lang: Language = "en", caller: Caller = needs(Permission.READ_ALERTS)
) -> AlertDetail:
    """One alert with its ledger and its events."""
    alert = shop.records.alert(alert_id)
    if alert is None:
        raise not_found("alert")
    shop.looks.note(caller, "alert", (alert.id, alert.person))
    directory = shop.directory()
    (view,) = alert_views([alert], shop.records, shop.events, directory, shop.book, lang)
    return AlertDetail(alert=view, events=event_documents(shop.events, alert, directory.calendar, shop.book.reach))
