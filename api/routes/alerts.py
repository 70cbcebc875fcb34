"""Alerts, each explained."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, JsonValue

from access.lens import Lens
from api.caller import needs
from api.problems import answers, not_found
from api.shapes import AlertView, Language
from api.shop import InShop, Moment, utc
from api.views import alert_views, event_documents
from core.access import Caller, Permission
from core.alert import Outcome

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], responses=answers(401, 403, 503))
Person = Annotated[str | None, Query(description="Only this person's: a pseudonym", max_length=64)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


class AlertDetail(BaseModel):
    """One alert with the events that add up to it."""

    alert: AlertView
    events: list[dict[str, JsonValue]]


def only(lens: Lens, pseudonym: str | None) -> list[str] | None:
    """The person that a parameter names; none named: everybody."""
    if pseudonym is None:
        return None
    person = lens.person(pseudonym)
    if person is None:
        raise not_found("person")
    return [person]


@router.get("", operation_id="list_alerts", responses=answers(404))
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
    lens = shop.lens(caller)
    found = shop.records.alerts(persons=only(lens, person), since=utc(since), until=utc(until), outcome=outcome)
    some = [alert for alert in found if lens.within(alert.person)][offset : offset + limit]
    shop.looks.note(caller, "alerts", (alert.person for alert in some))
    return alert_views(some, shop.records, shop.events, lens, shop.book, lang)


@router.get("/{alert_id}", operation_id="get_alert", responses=answers(404))
def get_alert(
    shop: InShop, alert_id: str, lang: Language = "en", caller: Caller = needs(Permission.READ_ALERTS)
) -> AlertDetail:
    """One alert with its ledger and its events."""
    alert, lens = shop.records.alert(alert_id), shop.lens(caller)
    if alert is None or not lens.within(alert.person):
        raise not_found("alert")
    shop.looks.note(caller, "alert", (alert.id, alert.person))
    (view,) = alert_views([alert], shop.records, shop.events, lens, shop.book, lang)
    return AlertDetail(alert=view, events=event_documents(shop.events, alert, lens, shop.book.reach))
