"""The generated client, against the service itself."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx2
import polars as pl
import pytest
import uvicorn
from fastapi.testclient import TestClient

from api.server import create_app
from api.shop import Shop
from client import ApiProblem, Client
from core.happening import Happening, Kind
from tests.api.shops import EVERYTHING, Knows
from tests.api.small import KEY
from tests.app import notebooks

TOKEN = "a-token-of-the-test"
MOMENT = datetime(2026, 3, 2, 3, tzinfo=UTC)


@pytest.fixture
def api(shop: Shop) -> Client:
    return Client(key=TOKEN, http=TestClient(create_app(shop, Knows(EVERYTHING))))


def of(*answers: httpx2.Response) -> tuple[Client, list[httpx2.Request], list[float]]:
    """A client of a service that answers so, one after the other; what it was asked, and how long the client waited."""
    asked: list[httpx2.Request] = []
    waited: list[float] = []
    left = list(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return left.pop(0)

    http = httpx2.Client(transport=httpx2.MockTransport(answer), base_url="https://leaverwatch.example")
    return Client(http=http, wait=waited.append), asked, waited


def busy(status: int, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json={"code": "busy", "detail": "later"}, headers=headers)


def test_each_operation_is_a_method(api: Client) -> None:
    alert = api.list_alerts(limit=1, since=MOMENT)["items"][0]
    detail = api.get_alert(alert["id"], lang="zh")
    assert detail["alert"]["id"] == alert["id"]
    assert api.list_alerts(fields=["id", "score"])["items"][0].keys() == {"id", "score"}
    assert api.total_events(by=["day", "user.account"])[0]["events"] == 1
    assert b"leaverwatch_events 2.0" in api.metrics()
    assert [one["id"] for one in api.export_alerts()] == [one["id"] for one in api.each_list_alerts()]


def test_all_pages_are_one_iterator(api: Client) -> None:
    assert len(list(api.each_search_events(limit=1))) == 2


def test_a_problem_is_an_exception_with_its_code(api: Client) -> None:
    with pytest.raises(ApiProblem, match="404 not-found") as raised:
        api.get_alert("../persons?x=")
    assert (raised.value.status, raised.value.code) == (404, "not-found")
    with pytest.raises(ApiProblem, match="422 bad-query"):
        next(api.export_events(q="("))
    with pytest.raises(ApiProblem) as raised:
        api.list_alerts(limit=0)
    assert raised.value.fields[0]["where"] == "query.limit"
    with pytest.raises(ApiProblem, match="502 unknown"):
        of(httpx2.Response(502, text="<html>"))[0].list_alerts()


def test_what_was_seen_last_can_be_named(api: Client) -> None:
    api.list_sources()
    assert re.fullmatch('"[0-9a-f]{32}"', api.etag)


def test_where_the_service_is_busy_it_is_asked_again_after_as_long_as_it_says() -> None:
    client, _, waited = of(busy(429, **{"Retry-After": "7"}), busy(503), httpx2.Response(200, json=[]))
    assert client.list_alerts() == []
    assert waited == [7.0, 2.0]
    client, _, waited = of(*(busy(503) for _ in range(4)))
    with pytest.raises(ApiProblem, match="503 busy"):
        client.list_alerts()
    assert len(waited) == 3


def test_a_change_is_sent_again_with_the_key_it_was_sent_with() -> None:
    client, asked, _ = of(busy(503), httpx2.Response(200, json={"id": "m"}))
    client.shadow_model("m", {"why": "better"})
    first, again = (request.headers["Idempotency-Key"] for request in asked)
    assert first == again
    assert len(first) == len(KEY)
    client, asked, _ = of(httpx2.Response(200, json={}), httpx2.Response(200, json={}))
    client.shadow_model("m", {"why": "better"})
    client.shadow_model("m", {"why": "better"})
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 2


@pytest.fixture
def served(shop: Shop) -> Iterator[str]:
    """The service on a port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(create_app(shop, Knows(EVERYTHING)), log_level="error", timeout_graceful_shutdown=1)
        )
        free.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [free]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


def test_the_notebook_reads_a_service(served: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAVERWATCH_URL", served)
    names, shown = notebooks.run(notebooks.FOLDER / f"{notebooks.OVER_THE_API}.ipynb")
    assert names["alerts"]["rule"].to_list() == [alert.rule for alert in shop.records.alerts()]
    assert all(len(table) for table in shown if isinstance(table, pl.DataFrame))


def test_what_happens_comes_over_the_wire(served: str, shop: Shop) -> None:
    with Client(served) as api:
        last = shop.records.last_happening()
        shop.records.happen([Happening(at=MOMENT, kind=Kind.CASE_MOVED, subject="c1", person="7", by="李")])
        event = next(api.listen(last_event_id=last))
        assert (event.kind, event.id, event.data["subject"], event.data["by"]) == (
            "case.moved",
            str(last + 1),
            "c1",
            "李",
        )
        assert [one.id for one in api.listen(last_event_id=last, seconds=0)] == [str(last + 1)]
