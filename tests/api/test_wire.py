"""What every request and answer gets, whatever the route."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from api.problems import Problem
from api.wire import rates
from api.wire.rates import Buckets, address_of
from tests.api.shops import EVERYTHING
from tests.api.small import Things, small


def test_who_has_an_answer_already_is_not_sent_it_again() -> None:
    things = Things()
    client = small(things)
    first = client.get("/things")
    again = client.get("/things", headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    things.made.append("new")
    assert client.get("/things", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_a_change_names_what_it_was_shown() -> None:
    client = small()
    assert client.put("/thing").json()["code"] == "if-match-missing"
    seen = client.get("/thing").headers["etag"]
    assert client.put("/thing", headers={"If-Match": seen}).json()["size"] == 2
    late = client.put("/thing", headers={"If-Match": seen})
    assert (late.status_code, late.json()["code"], late.headers["etag"]) == (412, "changed-since", '"2"')
    assert client.put("/thing", headers={"If-Match": '"2"'}).status_code == 200
    assert client.put("/thing", headers={"If-Match": "*"}).status_code == 200


def test_the_same_version_seen_otherwise_has_another_tag() -> None:
    client = small()
    whole, part = client.get("/thing"), client.get("/thing", params={"fields": "id"})
    assert whole.headers["etag"] != part.headers["etag"]
    assert client.put("/thing", headers={"If-Match": part.headers["etag"]}).status_code == 200


def test_only_the_fields_asked_for_are_sent() -> None:
    things = Things()
    things.made = ["a", "b"]
    client = small(things)
    assert client.get("/things", params={"fields": "id"}).json() == {"items": [{"id": "a"}, {"id": "b"}], "next": None}
    assert client.get("/thing", params={"fields": "size, note"}).json() == {"size": 1, "note": None}
    unknown = client.get("/things", params={"fields": "id,colour"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown-fields")
    assert "colour" in unknown.json()["detail"]


def test_every_answer_says_the_same_to_browsers() -> None:
    client = small()
    for answer in (client.get("/things"), client.get("/nowhere"), client.delete("/things"), client.options("/things")):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "strict-transport-security" not in answer.headers
    client.base_url = "https://testserver"  # type: ignore[assignment]
    assert "max-age" in client.get("/things").headers["strict-transport-security"]


def test_a_failure_of_ours_is_a_problem_that_says_nothing_of_it() -> None:
    told: list[Mapping[str, object]] = []
    answer = small(log=told.append).post("/things", json={"id": "a", "size": 0})
    assert (answer.status_code, answer.json()["code"]) == (500, "failed")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert told[0]["status"] == 500


def test_only_its_own_names_are_answered_to() -> None:
    client = small(hosts=frozenset({"leaverwatch.example", "[::1]"}))
    for host in ("leaverwatch.example", "LEAVERWATCH.example:8765", "[::1]:8765", "[::1]"):
        assert client.get("/things", headers={"Host": host}).status_code == 200
    for host in ("evil.example", "leaverwatch.example.evil.example", ""):
        assert client.get("/things", headers={"Host": host}).json()["code"] == "other-host"
    assert client.get("/healthz", headers={"Host": "10.0.0.7:8765"}).status_code == 404


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/json"}, b" " * 1025, 413),
        ({"Content-Type": "application/json"}, [b" " * 600, b" " * 600], 413),
        ({"Content-Type": "application/json", "Content-Length": "1e3"}, b"", 413),
        ({"Content-Type": "text/csv"}, b" " * 1025, 422),
        ({"X-Long": "x" * 17_000}, b"", 431),
    ],
)
def test_too_much_is_refused(headers: dict[str, str], content: bytes | list[bytes], status: int) -> None:
    given = content if isinstance(content, bytes) else iter(content)
    answer = small(body_kib=1).post("/things", headers=headers, content=given)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_an_upload_is_bounded_as_it_comes() -> None:
    pieces = iter([b" " * 700_000, b" " * 700_000])
    answer = small(upload_mib=1).post("/things", headers={"Content-Type": "text/csv"}, content=pieces)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_a_long_address_is_refused() -> None:
    assert small().get("/things", params={"x": "y" * 9_000}).json()["code"] == "address-too-long"


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    client = small(caller_per_minute=2)
    first = client.get("/things")
    assert first.headers["ratelimit-policy"] == '"caller";q=2;w=60'
    assert first.headers["ratelimit"].startswith('"caller";r=1;t=')
    client.get("/things")
    late = client.get("/things")
    assert (late.status_code, late.json()["code"]) == (429, "too-many-requests")
    assert 1 <= int(late.headers["retry-after"]) <= 30
    assert client.get("/thing").status_code == 200, "what is open to everybody counts for the address"
    assert small(address_per_minute=1).get("/nowhere").status_code == 404
    client = small(address_per_minute=1)
    assert [client.get("/nowhere").status_code for _ in range(2)] == [404, 429]


def test_buckets_fill_again_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    buckets = Buckets("caller", 60, clock=lambda: now[0])
    for _ in range(60):
        buckets.take("li")
    with pytest.raises(Problem):
        buckets.take("li")
    buckets.take("wang")
    now[0] = 1.0
    buckets.take("li")
    monkeypatch.setattr(rates, "REMEMBERED", 1)
    buckets.take("zhao")
    assert len(buckets._buckets) <= 2


def test_one_networks_addresses_count_together() -> None:
    def of(host: str) -> str:
        return address_of({"client": (host, 1)})

    assert of("2001:db8:1:2::5") == of("2001:db8:1:2:ffff::9") != of("2001:db8:1:3::5")
    assert of("192.0.2.1") != of("192.0.2.2")
    assert of("testclient") == "testclient"


def test_a_request_is_one_line_that_says_nothing_of_what_was_asked() -> None:
    told: list[Mapping[str, object]] = []
    client = small(caller=replace(EVERYTHING, name="li\nna"), log=told.append)
    client.get("/things", params={"person": "p-secret"}, headers={"X-Request-Id": "abcdefgh-1"})
    answer = client.get("/nowhere/p-secret", headers={"X-Request-Id": "bad\nid-00000"})
    assert [(one["caller"], one["operation"], one["status"]) for one in told] == [
        ("li\nna", "list_things", 200),
        ("", "none", 404),
    ]
    assert told[0]["request"] == "abcdefgh-1"
    assert answer.headers["x-request-id"] == told[1]["request"] != "bad\nid-00000"
    assert "secret" not in str(told)


def test_requests_are_counted_by_operation_and_status() -> None:
    client = small()
    client.get("/things")
    client.get("/things", params={"fields": "colour"})
    client.get("/p-secret")
    text = client.app.state.requests.exposition().decode()  # type: ignore[attr-defined]
    assert 'leaverwatch_request_seconds_count{operation="list_things",status="200"} 1.0' in text
    assert 'operation="none",status="404"' in text
    assert "secret" not in text


@pytest.mark.parametrize("text", [r'"\ud800"', r'"\u0000"', "NaN", "[" * 5_000, '"a', "\xff"])
def test_text_that_is_none_is_refused(text: str) -> None:
    body = f'{{"id": {text}, "size": 1}}'.encode("latin-1")
    answer = small().post("/things", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable")


def test_what_only_looks_like_it_is_text() -> None:
    answer = small().post("/things", json={"id": "\\u0000", "size": 1})
    assert answer.json()["id"] == "\\u00001"


@pytest.mark.parametrize("path", ["/things?x=%00", "/thi%00ngs"])
def test_an_address_has_no_nul_in_it(path: str) -> None:
    assert small().get(path).json()["code"] == "unreadable"


async def _never() -> dict[str, object]:
    await asyncio.sleep(60)
    raise AssertionError


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    app = small(upload_seconds=0.01).app
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"10")]
    scope = {"type": "http", "method": "POST", "path": "/login", "query_string": b"", "headers": headers}
    asyncio.run(app(scope, _never, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 408
