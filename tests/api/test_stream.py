"""What happens is told to those who may know, as it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from access.permissions import permissions_of
from api import stream
from api.caller import unknown
from api.routes import stream as route
from api.server import create_app
from api.shop import Shop
from api.wire.settings import Settings
from core.access import Caller, Permission, Role, Scope
from core.errors import Unavailable
from core.happening import Happening, Kind
from tests.api.shops import EVERYTHING, Knows

AT = datetime(2026, 3, 2, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(route, "HEARTBEAT_SECONDS", 0.05)


def caller_of(*roles: Role, **rest: Any) -> Caller:
    return Caller(name="li", roles=frozenset(roles), permissions=permissions_of(roles), **rest)


def of(kind: Kind, subject: str, person: str = "7") -> Happening:
    return Happening(at=AT, kind=kind, subject=subject, person=person, by="wang")


class Ear:
    """A client that takes what it is sent, unless it is `deaf`."""

    def __init__(self, app: FastAPI, last: int | None = None, deaf: bool = False) -> None:
        self.text = ""
        self.status = 0
        self.ended = False
        self._deaf = deaf
        self._left = asyncio.Event()
        headers = [] if last is None else [(b"last-event-id", str(last).encode())]
        path = "/api/v1/stream"
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
        self._task = asyncio.create_task(app(scope, self._receive, self._send))  # type: ignore[arg-type]

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"").decode()
        if message["type"] == "http.response.body":
            self.ended = not message.get("more_body", False)
            if self._deaf:
                await asyncio.Event().wait()

    async def until(self, what: Callable[[Ear], bool]) -> None:
        async with asyncio.timeout(5):
            while not what(self):
                await asyncio.sleep(0.005)

    async def leave(self) -> None:
        self._left.set()
        await self._task

    async def end(self) -> None:
        async with asyncio.timeout(5):
            await self._task

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line[6:]) for line in self.text.splitlines() if line.startswith("data: ")]


async def listening(app: FastAPI, last: int | None = None) -> Ear:
    ear = Ear(app, last)
    await ear.until(lambda one: "still here" in one.text)
    return ear


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def test_what_happens_is_told_to_everybody_who_listens(shop: Shop) -> None:
    async def test() -> None:
        app = create_app(shop, Knows(EVERYTHING))
        one, other = await listening(app), await listening(app)
        before = shop.records.last_happening()
        shop.records.happen([of(Kind.CASE_MOVED, "c1"), of(Kind.USER_LOCKED, "zhao", person="")])
        for ear in (one, other):
            await ear.until(lambda one: len(one.told()) == 2)
            moved, locked = ear.told()
            assert (moved["number"], moved["kind"], moved["subject"]) == (before + 1, "case.moved", "c1")
            assert moved["person"] == shop.pseudonyms("7")
            assert locked["person"] is None
            assert f"id: {before + 2}\n" in ear.text
            await ear.leave()
        looks = [one for one in shop.records.audited(about="7") if one.details.get("what") == "stream"]
        assert {one.by for one in looks} == {EVERYTHING.name}

    run(test)


def test_who_comes_back_is_told_what_was_missed_and_nothing_twice(shop: Shop) -> None:
    async def test() -> None:
        app = create_app(shop, Knows(EVERYTHING))
        shop.records.happen([of(Kind.TASK_SET, f"t{n}") for n in range(1_200)])
        last = shop.records.last_happening()
        ear = await listening(app, last - 1_100)
        shop.records.happen([of(Kind.TASK_SET, "new")])
        await ear.until(lambda one: len(one.told()) >= 1_101)
        assert [one["number"] for one in ear.told()] == list(range(last - 1_099, last + 2))
        await ear.leave()

    run(test)


@pytest.mark.parametrize(
    ("caller", "heard"),
    [
        (caller_of(Role.ANALYST), {"alert.raised", "case.moved", "notice.sent"}),
        (caller_of(Role.HR), {"notice.sent"}),
        (caller_of(Role.LEGAL), set()),
        (caller_of(Role.ADMIN), {"user.locked"}),
        (caller_of(Role.ANALYST, scope=Scope(departments=frozenset({"Sales"}))), set()),
        (caller_of(Role.ANALYST, person="7"), set()),
    ],
)
def test_nobody_hears_of_what_they_may_not_know(shop: Shop, caller: Caller, heard: set[str]) -> None:
    async def test() -> None:
        ear = await listening(create_app(shop, Knows(caller)))
        kinds = (Kind.ALERT_RAISED, Kind.CASE_MOVED, Kind.NOTICE_SENT)
        shop.records.happen([*(of(kind, "x") for kind in kinds), of(Kind.USER_LOCKED, "zhao", person="")])
        await ear.until(lambda one: f"id: {shop.records.last_happening()}\n" in one.text)
        assert {one["kind"] for one in ear.told()} == heard
        await ear.leave()

    run(test)


def test_the_stream_ends_when_the_session_does(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closing(Knows):
        open = True

        def caller(self, request: Request) -> Caller:
            if not self.open:
                raise unknown("no session")
            return super().caller(request)

    async def test() -> None:
        monkeypatch.setattr(route, "SEEN_AGAIN_SECONDS", 0.05)
        door = Closing(EVERYTHING)
        ear = await listening(create_app(shop, door))
        door.open = False
        await ear.end()
        assert ear.ended

    run(test)


def test_who_is_too_slow_is_let_go_of_and_the_others_are_not(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(route, "SEND_SECONDS", 0.1)
        app = create_app(shop, Knows(EVERYTHING))
        deaf, ear = Ear(app, deaf=True), await listening(app)
        await deaf.end()
        shop.records.happen([of(Kind.TASK_SET, "t")])
        await ear.until(lambda one: len(one.told()) == 1)
        await ear.leave()

    run(test)


def test_what_waits_for_somebody_is_bounded() -> None:
    async def test() -> None:
        listener = stream.Listener("li", -1)
        for _ in range(stream.BEHIND):
            listener.offer([of(Kind.TASK_SET, "t")])
        assert not listener.dropped
        listener.offer([of(Kind.TASK_SET, "t")])
        assert listener.dropped

    run(test)


def test_so_many_listen_and_no_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        app = create_app(shop, Knows(EVERYTHING), Settings(streams=2))
        ears = [await listening(app), await listening(app)]
        late = Ear(app)
        await late.end()
        assert (late.status, json.loads(late.text)["code"]) == (503, "too-many-listeners")
        await ears[0].leave()
        ears[0] = await listening(app)
        monkeypatch.setattr(stream, "OF_ONE_CALLER", 0)
        await ears[0].leave()
        one_too_many = Ear(app)
        await one_too_many.end()
        assert one_too_many.status == 429
        await ears[1].leave()

    run(test)


def test_where_the_records_cannot_be_read_everybody_comes_back_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise Unavailable("the records database is gone")

    async def test() -> None:
        app = create_app(shop, Knows(EVERYTHING))
        ear = await listening(app)
        with monkeypatch.context() as broken:
            broken.setattr(shop.records, "happened", gone)
            await ear.end()
        again = await listening(app)
        shop.records.happen([of(Kind.TASK_SET, "t")])
        await again.until(lambda one: len(one.told()) == 1)
        await again.leave()

    run(test)


def test_it_ends_when_asked_to_and_needs_its_permission(shop: Shop, client: TestClient) -> None:
    answer = client.get("/api/v1/stream", params={"seconds": 0})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert "content-length" not in answer.headers
    deaf = replace(EVERYTHING, permissions=EVERYTHING.permissions - {Permission.LISTEN})
    assert TestClient(create_app(shop, Knows(deaf))).get("/api/v1/stream").status_code == 403
