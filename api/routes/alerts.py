"""Alerts, each explained."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, JsonValue

from access.lens import Lens
from api.caller import needs
from api.paging import After, Limit, Page, moment_place, page
from api.problems import answers, not_found
from api.routing import Router
from api.shapes import AlertView, Language
from api.shop import InShop, Moment, Shop, utc
from api.views import alert_views, event_documents
from core.access import Caller, Permission
from core.alert import Outcome, Severity
from core.listing import AlertQuery, Whose
from core.person import Stage

router = Router(prefix="/api/v1/alerts", tags=["alerts"], responses=answers(401, 403, 422, 503))
Pseudonym = Annotated[str | None, Query(description="Only this person's, by pseudonym", max_length=64)]
Newest = Annotated[bool, Query(description="Newest first")]


class AlertDetail(BaseModel):
    """One alert with the events that add up to it."""

    alert: AlertView
    events: list[dict[str, JsonValue]]


@router.get("", operation_id="list_alerts", responses=answers(404))
def list_alerts(
    shop: InShop,
    person: Pseudonym = None,
    since: Moment = None,
    until: Moment = None,
    lang: Language = "en",
    outcome: Annotated[Outcome, Query(description="What became of the match")] = Outcome.ALERT,
    severity: Annotated[list[Severity] | None, Query(description="Only these", max_length=5)] = None,
    rule: Annotated[str | None, Query(description="Only this rule's, by name", max_length=200)] = None,
    stage: Annotated[Stage | None, Query(description="Only of persons who were at it")] = None,
    newest: Newest = False,
    limit: Limit = 25,
    after: After = None,
    caller: Caller = needs(Permission.READ_ALERTS),
) -> Page[AlertView]:
    """Alerts a page at a time, oldest first; `since` <= time < `until`. Matches that are none are asked for by their
    outcome. In lists `peers_usual` is given as far as a rule was judged against it; else one alert alone says it."""
    lens = shop.lens(caller)
    query = AlertQuery(
        whose=of_person(shop, lens, person),
        outcome=outcome,
        severities=severity or (),
        rule=rule,
        stage=stage,
        since=utc(since),
        until=utc(until),
        newest=newest,
        after=moment_place(after),
        limit=limit + 1,
    )
    found = shop.records.alert_page(query)
    shown, following = page(found, limit, lambda alert: (alert.time.isoformat(), alert.id))
    shop.looks.note(lens, "alerts", (alert.person for alert in shown))
    return Page(items=alert_views(shown, shop.records, None, lens, shop.book, lang), next=following)


@router.get("/{alert_id}", operation_id="get_alert", responses=answers(404))
def get_alert(
    shop: InShop, alert_id: str, lang: Language = "en", caller: Caller = needs(Permission.READ_ALERTS)
) -> AlertDetail:
    """One alert with its ledger and its events."""
    lens = shop.lens(caller)
    alert = shop.records.alert(alert_id)
    if alert is None or not lens.within(alert.person):
        raise not_found("alert")
    shop.looks.note(lens, "alert", (alert.id, alert.person))
    (view,) = alert_views([alert], shop.records, shop.events, lens, shop.book, lang)
    events = event_documents(alert, shop.events, shop.records, lens, shop.book)
    return AlertDetail(alert=view, events=events)


def of_person(shop: Shop, lens: Lens, pseudonym: str | None) -> Whose:
    """Whose rows a list has: everybody's whom the caller may look at, or one person's of these. Ends the request where
    that is nobody."""
    whose = shop.whose(lens)
    return whose if pseudonym is None else whose.those_of(named(lens, pseudonym))


def named(lens: Lens, pseudonym: str) -> str:
    """The person of a pseudonym. Ends the request where it is nobody's whom the caller may look at."""
    found = lens.person(pseudonym)
    if found is None:
        raise not_found("person")
    return found
