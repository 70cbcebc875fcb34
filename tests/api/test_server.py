"""The HTTP service: what it shows, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from fastapi.testclient import TestClient

from api import looks
from api.metrics import Counts, exposition
from api.shop import Shop
from core.batch import Batch
from core.canonical import content_id
from core.errors import Damaged
from core.evidence import AuditEntry, Deed
from core.ports import SourceStatus
from store.memory import MemoryStore
from store.records import SqlRecords
from tests.api.people import House
from tests.api.shops import BOOK, NAMES, exported

LI = NAMES("7")


def test_an_alert_comes_with_its_ledger_its_words_and_its_events(client: TestClient) -> None:
    alerts = client.get("/api/v1/alerts").json()["items"]
    alert = next(one for one in alerts if one["rule"] == "mass_export")
    assert (alert["person"], alert["identity"]) == (LI, None)
    assert alert["score"] == pytest.approx(sum(term["points"] for term in alert["terms"]))
    assert LI in alert["messages"]["zh"]
    assert alert["message"] == alert["messages"]["en"]
    assert alert["runbooks"].keys() == {"zh", "en"}
    detail = client.get(f"/api/v1/alerts/{alert['id']}", params={"lang": "zh"}).json()
    assert detail["alert"]["message"] == alert["messages"]["zh"]
    (event,) = detail["events"]
    assert event["@timestamp"] == "2026-03-02T03:00:00Z"
    assert (event["person.id"], event["data.records"]) == (LI, 20_000)
    assert not event.keys() & {"user.account", "event.original", "file.path"}


def test_persons_are_ranked_and_their_terms_add_up(client: TestClient) -> None:
    (person,) = client.get("/api/v1/persons").json()["items"]
    assert (person["person"], person["identity"]) == (LI, None)
    assert person["stage"] == "active"
    assert person["score"] == pytest.approx(sum(term["points"] for term in person["terms"]))
    assert client.get("/api/v1/persons", params={"at": "2026-01-01T00:00:00Z"}).json()["items"] == []


def test_cases_and_sources_are_listed(client: TestClient) -> None:
    (case,) = client.get("/api/v1/cases", params={"person": LI}).json()["items"]
    assert (case["person"], case["identity"]) == (LI, None)
    (source,) = client.get("/api/v1/sources").json()
    assert (source["source"], source["events"], source["unlinked_accounts"]) == ("salesforce_event_log", 2, 0)


def test_alerts_are_narrowed_by_person_and_time(client: TestClient) -> None:
    assert client.get("/api/v1/alerts", params={"person": LI}).json()["items"] != []
    for nobody in ("7", "8", "li.na@example.com"):
        assert client.get("/api/v1/alerts", params={"person": nobody}).status_code == 404
    assert client.get("/api/v1/alerts", params={"since": "2026-03-03"}).json() == {"items": [], "next": None}
    assert len(client.get("/api/v1/alerts", params={"limit": 1}).json()["items"]) == 1
    assert client.get("/api/v1/alerts", params={"limit": 0}).status_code == 422
    assert client.get("/api/v1/alerts", params={"since": "yesterday"}).status_code == 422
    assert client.get("/api/v1/alerts/nothing").status_code == 404


def test_health_is_told_to_everybody_and_readiness_asks_the_stores(house: House) -> None:
    client = house.client()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200


def test_metrics_count_and_name_nobody(client: TestClient) -> None:
    text = client.get("/metrics").text
    assert "leaverwatch_events 2.0" in text
    assert "li.na" not in text


def test_events_are_counted_once_a_minute_however_often_metrics_are_asked_for(shop: Shop) -> None:
    now, asked = [0.0], []

    class Store(MemoryStore):
        def sources(self) -> Sequence[SourceStatus]:
            asked.append(now[0])
            return shop.events.sources()

        def count(self) -> int:
            raise AssertionError("every event would be counted")

    counts = Counts(Store(SqlRecords("sqlite://")), clock=lambda: now[0])
    for moment in (0.0, 15.0, 60.0, 61.0, 90.0):
        now[0] = moment
        assert b"leaverwatch_events 2.0" in exposition(shop.records, counts)
    assert asked == [0.0, 61.0]


def test_every_route_is_described(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    known = {"list_alerts", "get_alert", "list_persons_by_risk", "list_sources", "search_events", "total_events"}
    assert known <= {operation["operationId"] for operation in operations}
    assert all(operation.get("description") for operation in operations)


def test_an_alert_of_a_rule_that_is_gone_is_still_shown(shop: Shop, client: TestClient) -> None:
    shop.book = replace(BOOK, rules={})
    alert = client.get("/api/v1/alerts").json()["items"][0]
    assert "no longer in force" in alert["message"]
    assert alert["title"] == alert["rule"]


def test_damaged_data_is_said_and_not_a_crash(shop: Shop, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise Damaged("segment x is missing")

    monkeypatch.setattr(shop.events, "sources", broken)
    answer = client.get("/api/v1/sources")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert (answer.json()["code"], answer.json()["detail"]) == ("damaged", "segment x is missing")


def test_events_are_searched_a_page_at_a_time(shop: Shop, client: TestClient) -> None:
    rows = exported().with_columns(
        pl.lit(content_id("two")).alias("event.id"), (pl.col("@timestamp") + timedelta(hours=20)).alias("@timestamp")
    )
    shop.events.append(Batch(source="salesforce_event_log", read=1, events=rows), [])
    page = client.get("/api/v1/events", params={"q": f"person.id:{LI} AND data.records:>1000", "limit": 1}).json()
    assert [event["event.id"] for event in page["events"]] == [content_id("one")]
    page = client.get("/api/v1/events", params={"limit": 1, "after": page["next"]}).json()
    assert [event["event.id"] for event in page["events"]] == [content_id("two")]
    page = client.get("/api/v1/events", params={"limit": 1, "after": page["next"]}).json()
    assert page == {"events": [], "next": None}
    newest = client.get("/api/v1/events", params={"newest": True, "limit": 2}).json()["events"]
    assert [event["event.id"] for event in newest] == [content_id("two"), content_id("one")]
    assert (
        client.get("/api/v1/events", params={"q": "event.action:view", "since": "2026-03-03T00:00:00"}).json()["events"]
        == []
    )
    by = client.get("/api/v1/events/totals", params={"by": ["day", "user.account"], "q": "data.records:>1000"}).json()
    assert by == [
        {"by": {"day": day, "user.account": LI}, "events": 1, "records": 20_000, "bytes": 0}
        for day in ("2026-03-02", "2026-03-03")
    ]


@pytest.mark.parametrize(
    ("path", "params", "told"),
    [
        ("events", {"q": "user.nme:x"}, "there is no field user.nme"),
        ("events", {"q": "("}, "ends too early"),
        ("events", {"after": "yesterday,x"}, "after is not what an answer gave"),
        ("events", {"after": "2026-03-02,x"}, "after is not what an answer gave"),
        ("events", {"since": "0001-01-01T00:00:00+08:00"}, "the years 1 to 9999"),
        ("events/totals", {"by": "data.records"}, "events cannot be counted by data.records"),
        ("events/totals", {"by": "person.id"}, "events cannot be counted by person.id"),
    ],
)
def test_a_search_that_cannot_be_understood_is_refused_in_a_sentence(
    client: TestClient, path: str, params: dict[str, str], told: str
) -> None:
    answer = client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_searches_are_bounded(client: TestClient) -> None:
    for params in ({"q": "a" * 4_001}, {"limit": 1_001}, {"limit": 0}, {"after": "x" * 101}):
        assert client.get("/api/v1/events", params=params).status_code == 422
    assert client.get("/api/v1/events/totals").status_code == 422
    assert client.get("/api/v1/events/totals", params={"by": ["day"] * 5}).status_code == 422
    paths = client.get("/openapi.json").json()["paths"]
    asked = {parameter["name"]: parameter["schema"] for parameter in paths["/api/v1/events"]["get"]["parameters"]}
    assert asked["limit"]["maximum"] == 1_000
    assert asked["q"]["maxLength"] == 4_000


def noted(shop: Shop) -> list[tuple[str, list[str]]]:
    entries: list[AuditEntry] = list(shop.records.audited())
    assert {(entry.by, entry.deed) for entry in entries} <= {("api", Deed.SAW)}
    return [(entry.details["what"], sorted(entry.about)) for entry in entries]


def test_every_route_that_shows_somebody_says_whom(client: TestClient, shop: Shop) -> None:
    alerts = client.get("/api/v1/alerts").json()["items"]
    (case,) = client.get("/api/v1/cases").json()["items"]
    client.get(f"/api/v1/alerts/{alerts[0]['id']}")
    client.get("/api/v1/persons")
    client.get(f"/api/v1/persons/{LI}")
    client.get(f"/api/v1/cases/{case['id']}")
    client.get("/api/v1/events")
    client.get("/api/v1/events/totals", params={"by": "user.account"})
    assert noted(shop) == [
        ("alerts", ["7"]),
        ("cases", sorted(["7", case["id"]])),
        ("alert", sorted(["7", alerts[0]["id"]])),
        ("persons", ["7"]),
        ("person", sorted(["7", case["id"]])),
        ("case", sorted(["7", case["id"]])),
        ("events", ["7"]),
        ("totals", ["7"]),
    ]


def test_what_shows_nobody_is_no_look(client: TestClient, shop: Shop) -> None:
    for path in (
        "/api/v1/sources",
        "/api/v1/alerts?person=nobody",
        "/api/v1/alerts?since=2027-01-01",
        "/api/v1/alerts/none",
        "/healthz",
    ):
        client.get(path)
    assert noted(shop) == []


def test_the_same_asked_again_and_again_is_one_look(
    client: TestClient,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(3):
        client.get("/api/v1/persons")
    assert noted(shop) == [("persons", ["7"])]
    later = looks.monotonic() + looks.ONE_LOOK_SECONDS
    monkeypatch.setattr(looks, "monotonic", lambda: later)
    client.get("/api/v1/persons")
    assert len(noted(shop)) == 2
