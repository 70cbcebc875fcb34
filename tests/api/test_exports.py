"""Whole lists go out a line each, as the lists show them, and that is noted."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest
from fastapi.testclient import TestClient

from api import ndjson
from api.routes import exports
from api.shop import Shop
from core.access import Role
from core.batch import Batch
from core.canonical import content_id
from core.evidence import Deed
from tests.api.shops import exported


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_whole_list_is_a_line_each(client: TestClient) -> None:
    answer = client.get("/api/v1/alerts.ndjson")
    assert answer.headers["content-type"] == "application/x-ndjson"
    shown = client.get("/api/v1/alerts").json()["items"]
    assert lines(answer.text) == shown
    assert [one["id"] for one in lines(client.get("/api/v1/cases.ndjson").text)] == [
        one["id"] for one in client.get("/api/v1/cases").json()["items"]
    ]


def test_all_pages_come_and_compressed_where_that_is_taken(
    shop: Shop, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PIECE", 2)
    some = [
        exported().with_columns(
            pl.lit(content_id(str(n))).alias("event.id"),
            (pl.col("@timestamp") + timedelta(hours=n)).alias("@timestamp"),
        )
        for n in range(5)
    ]
    shop.events.append(Batch(source="salesforce_event_log", read=5, events=pl.concat(some)), [])
    plain = client.get("/api/v1/events.ndjson", headers={"Accept-Encoding": "gzip;q=0"})
    assert len(lines(plain.text)) == 7
    assert len({str(one["event.id"]) for one in lines(plain.text)}) == 7
    with client.stream("GET", "/api/v1/events.ndjson", headers={"Accept-Encoding": "br, gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(packed.iter_raw())).decode() == plain.text


def test_only_one_page_is_in_memory() -> None:
    asked: list[str | None] = []

    def page(after: str | None) -> tuple[list[int], str | None]:
        asked.append(after)
        return [1], "more"

    pieces = ndjson._lines(page, page(None))
    assert [next(pieces) for _ in range(3)] == [b"1\n"] * 3
    assert len(asked) == 3


def test_what_cannot_be_asked_is_said_before_anything_is_sent(client: TestClient) -> None:
    answer = client.get("/api/v1/events.ndjson", params={"q": "("})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-query")


def test_an_export_is_noted_with_whom_it_showed(shop: Shop, client: TestClient) -> None:
    client.get("/api/v1/alerts.ndjson", params={"since": "2026-01-01"})
    listed, saw = shop.records.audited()
    assert (listed.deed, listed.by, listed.details["what"]) == (Deed.LISTED, "api", "alerts.ndjson")
    assert listed.details["since"].startswith("2026-01-01")
    assert (saw.deed, list(saw.about)) == (Deed.SAW, ["7"])


def test_who_may_read_may_not_take_all_away(client_of: Callable[..., TestClient]) -> None:
    assert client_of(Role.ANALYST).get("/api/v1/alerts.ndjson").status_code == 403
    assert client_of(Role.SENIOR_ANALYST).get("/api/v1/alerts.ndjson").status_code == 200
    assert client_of(Role.SERVICE).get("/api/v1/events.ndjson").status_code == 403
