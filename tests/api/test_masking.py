"""What is shown of persons, route by route and viewer by viewer; and that no search is a way round it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from access.lens import Lens, everything
from access.permissions import permissions_of
from api.masking import event_views, shown_with, spoken, telling, wordless
from api.shop import Shop
from core.access import Caller, Depth, Role, Scope
from core.alert import OTHERS
from core.batch import Batch
from core.canonical import content_id
from core.person import Link, Person
from core.schema import BY_NAME, NEUTRAL, RAW, SCHEMA, WRITTEN, conform
from core.unmasking import Purpose, Unmasking, UnmaskingState
from tests.access.unmasked import unmasked
from tests.api.shops import MOMENT, NAMES, exported

LI, WANG = NAMES("7"), NAMES("9")
BOTH = ", ".join(sorted((LI, WANG)))
SECRETS = ("李娜", "li.na@example.com", "王伟", "wang.wei@example.com", "script", "Offer to a friend")
ClientOf = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def sales(shop: Shop) -> None:
    """李娜 is of Sales and manages 王伟 of Finance, of whom a mail is stored."""
    li = Person(id="7", name="李娜", email="li.na@example.com", department="Sales", country="CN")
    wang = Person(id="9", name="王伟", email="wang.wei@example.com", department="Finance", manager_email=li.email)
    links = [Link(account=account, person=one.id) for one in (li, wang) for account in _accounts(one)]
    shop.records.save_persons([li, wang], links)
    row = {
        "event.id": content_id("mail"),
        "@timestamp": MOMENT + timedelta(hours=1),
        "event.action": "send",
        "user.account": "mail:wang.wei@example.com",
        "email.subject": "Offer to a friend",
        "email.to.address": "friend@example.net",
        "event.original": '{"Subject": "Offer to a friend"}',
    }
    mail = conform(pl.DataFrame([row], schema={name: SCHEMA[name] for name in row}))
    shop.events.append(Batch(source="mail", read=1, events=mail), [])


def _accounts(person: Person) -> tuple[str, str]:
    return f"mail:{person.email}", f"employee:{person.id}"


def grant(
    shop: Shop, by: str, person: str = "7", depth: Depth = Depth.IDENTITY, since: timedelta = timedelta()
) -> None:
    """As a second person would, at some time before."""
    at = datetime.now(UTC) - since
    case = shop.records.cases()[0].id
    hour = timedelta(hours=1)
    given = Unmasking(
        id=content_id(by, person, depth),
        case=case,
        person=person,
        purpose=Purpose.INVESTIGATE,
        reason="x",
        depth=depth,
        lasts=hour,
        asked_by=by,
        employee="",
        asked=at,
        state=UnmaskingState.GRANTED,
        answered_by="sen",
        answered=at,
        until=at + hour,
    )
    shop.records.save_unmasking(given, None)


def shown(client: TestClient, shop: Shop) -> Mapping[str, tuple[bool, bool]]:
    """Of each route whether it shows 李娜 at all, and whether by name."""
    alert, case = shop.records.alerts()[0].id, shop.records.cases()[0].id
    paths = {
        "alerts": "/api/v1/alerts",
        "her alerts": f"/api/v1/alerts?person={LI}",
        "alert": f"/api/v1/alerts/{alert}",
        "cases": "/api/v1/cases",
        "case": f"/api/v1/cases/{case}",
        "persons": "/api/v1/persons",
        "person": f"/api/v1/persons/{LI}",
        "events": "/api/v1/events",
        "her events": f"/api/v1/events?q=person.id:{LI}",
        "totals": "/api/v1/events/totals?by=user.account",
    }
    found = {}
    for name, path in paths.items():
        answer = client.get(path)
        assert answer.status_code in (200, 404), (path, answer.text)
        text = json.dumps(answer.json(), ensure_ascii=False)
        found[name] = (LI in text, "li.na" in text or "李娜" in text)
    return found


EVERY_ROUTE = ("alerts", "her alerts", "alert", "cases", "case", "persons", "person", "events", "her events", "totals")
MASKED = dict.fromkeys(EVERY_ROUTE, (True, False))
NAMED = dict.fromkeys(EVERY_ROUTE, (True, True)) | {"totals": (True, False)}
NOTHING = dict.fromkeys(EVERY_ROUTE, (False, False))


@pytest.mark.parametrize(
    ("viewer", "cells"),
    [
        ({}, MASKED),
        ({"scope": Scope(departments=frozenset({"Sales"}))}, MASKED),
        ({"scope": Scope(countries=frozenset({"CN"}))}, MASKED),
        ({"scope": Scope(departments=frozenset({"Finance"}))}, NOTHING),
        ({"person": "7"}, NOTHING),
        ({"person": "9"}, NOTHING),
    ],
    ids=["others", "own department", "own country", "other department", "themselves", "their manager"],
)
def test_who_sees_whom(client_of: ClientOf, shop: Shop, viewer: dict[str, Any], cells: object) -> None:
    assert shown(client_of(Role.ANALYST, "ann", **viewer), shop) == cells
    grant(shop, "ann")
    named = NAMED if cells == MASKED else cells
    assert shown(client_of(Role.ANALYST, "ann", **viewer), shop) == named, "unmasked, and still only within the scope"


def test_what_is_expired_or_another_ones_shows_nothing(client_of: ClientOf, shop: Shop) -> None:
    grant(shop, "ann", since=timedelta(hours=1))
    grant(shop, "bob")
    assert shown(client_of(Role.ANALYST, "ann"), shop) == MASKED


def test_legal_sees_cases_that_were_handed_over_and_admins_and_hr_none(client_of: ClientOf, shop: Shop) -> None:
    case = shop.records.cases()[0].id
    legal = client_of(Role.LEGAL, "leg")
    assert legal.get("/api/v1/cases").json()["items"] == []
    assert legal.get(f"/api/v1/cases/{case}").status_code == 404
    body = {"case": case, "purpose": "legal", "reason": "a claim"}
    assert legal.post("/api/v1/unmaskings", json=body).status_code == 404
    analyst = client_of(Role.ANALYST, "wang")
    seen = analyst.get(f"/api/v1/cases/{case}/work").headers["ETag"]
    moved = {"to": "escalated_legal", "reason": "a claim"}
    assert analyst.post(f"/api/v1/cases/{case}/move", json=moved, headers={"If-Match": seen}).status_code == 200
    assert [one["id"] for one in legal.get("/api/v1/cases").json()["items"]] == [case]
    assert legal.get(f"/api/v1/cases/{case}").json()["case"]["identity"] is None
    assert legal.post("/api/v1/unmaskings", json=body).json()["state"] == "waiting"
    for role in (Role.ADMIN, Role.HR):
        for path in ("/api/v1/alerts", "/api/v1/cases", f"/api/v1/cases/{case}", "/api/v1/persons", "/api/v1/events"):
            assert client_of(role).get(path).status_code == 403


def test_everything_masked_names_nobody(client: TestClient, shop: Shop) -> None:
    alert, case = shop.records.alerts()[0].id, shop.records.cases()[0].id
    paths = ["alerts", f"alerts/{alert}", "cases", f"cases/{case}", "persons", f"persons/{LI}", "events", "sources"]
    for path in [*paths, "events/totals?by=user.account", "audit", "unmaskings", "models"]:
        text = json.dumps(client.get(f"/api/v1/{path}").json(), ensure_ascii=False)
        assert not [secret for secret in SECRETS if secret in text], path


def test_a_person_has_a_page(client: TestClient, shop: Shop) -> None:
    page = client.get(f"/api/v1/persons/{LI}").json()
    assert page["score"] == pytest.approx(sum(term["points"] for term in page["terms"]))
    assert (page["stage"], page["sources"], page["identity"]) == ("active", ["salesforce_event_log"], None)
    assert {alert["person"] for alert in page["alerts"]} == {case["person"] for case in page["cases"]} == {LI}
    quiet = client.get(f"/api/v1/persons/{WANG}").json()
    assert (quiet["score"], quiet["terms"], quiet["alerts"], quiet["cases"]) == (0, [], [], [])
    grant(shop, "api")
    (one,) = client.get(f"/api/v1/persons/{LI}").json()["unmaskings"]
    assert (one["person"], one["in_force"]) == (LI, True)


@pytest.mark.parametrize(
    "query",
    [
        "user.email:li.na@example.com",
        "user.name:li*",
        "NOT user.account:x",
        "user.account:*",
        "event.action:export AND (data.records:1 OR source.ip:10.0.0.1)",
        "script",
        'event.original:"alert"',
        "vendor.Name:x",
        "email.subject:offer",
        "file.path:*",
        "host.name:pc-7",
    ],
)
def test_a_search_by_what_identifies_is_refused_while_everybody_is_masked(client: TestClient, query: str) -> None:
    for path, by in (("/api/v1/events", {}), ("/api/v1/events/totals", {"by": "day"})):
        answer = client.get(path, params={"q": query} | by)
        assert (answer.status_code, answer.json()["code"]) == (403, "masked"), answer.text


def test_only_events_of_the_unmasked_are_searched_by_what_identifies(client: TestClient, shop: Shop) -> None:
    def found(query: str) -> list[str]:
        answer = client.get("/api/v1/events", params={"q": query})
        assert answer.status_code == 200, answer.text
        return [event["event.id"] for event in answer.json()["events"]]

    grant(shop, "api")
    both = [content_id("old"), content_id("one")]
    assert found("user.account:mail*") == found("NOT user.name:x") == both, "nothing of 王伟"
    assert found("script") == [content_id("one")]
    assert found(f"person.id:{WANG} AND user.account:*") == []
    assert client.get("/api/v1/events", params={"q": "email.subject:*"}).status_code == 403
    grant(shop, "api", "9")
    assert found("user.account:mail*") == [*both, content_id("mail")]
    assert found("friend") == [], "what may have been written needs more"
    grant(shop, "api", "9", Depth.CONTENT)
    assert found("friend") == found("email.subject:*") == [content_id("mail")]
    assert found("script") == [content_id("one")]


def test_totals_by_account_are_of_persons_and_by_others_of_the_unmasked(client: TestClient, shop: Shop) -> None:
    other = exported().with_columns(
        pl.lit(content_id("two")).alias("event.id"), pl.lit("employee:7").alias("user.account")
    )
    shop.events.append(Batch(source="salesforce_event_log", read=1, events=other), [])

    def totals(*by: str) -> Any:
        return client.get("/api/v1/events/totals", params={"by": by})

    told = [(one["by"], one["events"]) for one in totals("user.account").json()]
    assert told == [({"user.account": LI}, 3), ({"user.account": WANG}, 1)]
    assert totals("email.to.address").status_code == totals("user.account", "user.name").status_code == 403
    grant(shop, "api", "9")
    assert [one["by"] for one in totals("email.to.address").json()] == [{"email.to.address": "friend@example.net"}]
    client.get("/api/v1/events/totals", params={"by": "day", "q": f"person.id:{LI}"})
    totals("day")
    looks = [set(entry.about) for entry in shop.records.audited() if entry.details.get("what") == "totals"]
    assert looks == [{"7", "9"}, {"9"}, {"7"}], "who is asked about is looked at, whatever is counted"


def test_at_each_depth_an_event_shows_what_it_may(client: TestClient, shop: Shop) -> None:
    def event() -> Any:
        return client.get("/api/v1/events", params={"q": f"person.id:{WANG}"}).json()["events"][0]

    assert event().keys() == {"event.id", "@timestamp", "event.action", "person.id"}
    grant(shop, "api", "9")
    assert event()["email.to.address"] == "friend@example.net"
    assert not event().keys() & (WRITTEN | RAW)
    grant(shop, "api", "9", Depth.CONTENT)
    assert event()["email.subject"] == "Offer to a friend"
    assert "Offer" in event()["event.original"]


def test_a_field_is_shown_of_somebody_masked_only_where_the_list_says_so(shop: Shop) -> None:
    """A value in every stored field."""
    values: dict[str, Any] = {}
    for name, dtype in SCHEMA.items():
        values[name] = {pl.String(): "x", pl.Int64(): 1}.get(dtype, MOMENT if dtype == SCHEMA["@timestamp"] else ["x"])
    values["user.account"] = "mail:li.na@example.com"
    frame = pl.DataFrame([values], schema=SCHEMA)
    caller = Caller(name="a", roles=frozenset(), permissions=frozenset())
    (masked,) = event_views(frame, Lens(caller, shop.directory(), NAMES))
    assert masked.keys() == NEUTRAL | {"person.id"}
    assert set(shown_with(Lens(caller, shop.directory(), NAMES))) == NEUTRAL | {"user.account"}, "no other one is read"
    assert shown_with(everything(shop.directory())) == tuple(SCHEMA)
    shown = Lens(caller, shop.directory(), NAMES, unmasked({"7": Depth.IDENTITY}))
    assert shown_with(shown) == tuple(SCHEMA)
    (known,) = event_views(frame, shown)
    assert known.keys() == SCHEMA.keys() - WRITTEN - RAW | {"person.id"}
    (whole,) = event_views(frame, everything(shop.directory()))
    assert whole.keys() == SCHEMA.keys() | {"person.id"}
    assert BY_NAME.keys() >= NEUTRAL | WRITTEN | RAW


def test_a_record_as_received_is_shown_by_name_where_nobody_wrote_anything() -> None:
    assert wordless({"event.action": "download", "email.subject": None})
    for written in ({"event.action": "send"}, {"event.action": None}, {"event.action": "export", "email.subject": "x"}):
        assert not wordless(written)


def test_facts_name_neither_the_person_nor_others(shop: Shop) -> None:
    facts = {
        "events": 3, "first": "2026-03-02T03:00:00+00:00", "example": "客户 李娜.xlsx", "target.user": "wang.wei",
        "destination": "pc-7", OTHERS: "7, 9", "crm.object": "Account", "email.subject": "Offer", "own": 2.5,
    }  # fmt: skip
    alert = replace(shop.records.alerts()[0], facts=facts)
    caller = Caller(name="a", roles=frozenset(), permissions=permissions_of([Role.ANALYST]), person="8")
    directory = shop.directory()
    masked = telling(alert, Lens(caller, directory, NAMES)).facts
    assert masked == {
        "events": 3, "first": "2026-03-02T03:00:00+00:00", "crm.object": "Account", "own": 2.5, OTHERS: BOTH,
    }  # fmt: skip
    known = Lens(caller, directory, NAMES, unmasked({"7": Depth.IDENTITY}))
    assert telling(alert, known).facts == {name: fact for name, fact in facts.items() if name != "email.subject"} | {
        OTHERS: BOTH
    }
    assert spoken(alert, known).facts[OTHERS] == f"{WANG}, 李娜", "in a sentence, as each is called"
    bounded = Lens(replace(caller, scope=Scope(departments=frozenset({"Sales"}))), directory, NAMES)
    assert telling(alert, bounded).facts[OTHERS] == LI, "who is out of scope is not told of"
    read = Lens(caller, directory, NAMES, unmasked({"7": Depth.CONTENT}))
    assert telling(alert, read).facts["email.subject"] == "Offer"


def test_of_a_crew_only_members_within_the_scope_are_told_of(client_of: ClientOf, shop: Shop) -> None:
    own, (case,) = list(shop.records.alerts()), shop.records.cases()
    other = replace(own[0], id=content_id("other"), person="9", facts={"events": 1})
    spans = {(person, own[0].day, own[-1].day) for person in ("7", "9")}
    crew = replace(case, alerts=(*case.alerts, other.id), scores=(*case.scores, 1.0))
    shop.records.settle([], spans, [*own, other], [crew])
    path = f"/api/v1/cases/{case.id}"
    whole = client_of(Role.ANALYST, "ann").get(path).json()
    assert {alert["person"] for alert in whole["alerts"]} == {LI, WANG}
    sales = client_of(Role.ANALYST, "bob", Scope(departments=frozenset({"Sales"})))
    part = sales.get(path).json()
    assert {alert["person"] for alert in part["alerts"]} == {LI}
    assert other.id in whole["case"]["alerts"]
    assert other.id not in part["case"]["alerts"]
    assert other.id not in sales.get("/api/v1/cases").text
    assert sales.get(f"/api/v1/alerts/{other.id}").status_code == 404
    body = {"case": case.id, "purpose": "talk", "reason": "x", "person": WANG}
    assert sales.post("/api/v1/unmaskings", json=body).status_code == 404
    assert client_of(Role.ANALYST, "ann").post("/api/v1/unmaskings", json=body).json()["person"] == WANG
