"""People at work: each looks at a list, its next page, an alert, a case, persons, again and again, at places of their
own. In a process beside the service that they ask."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from benchmarks.store import DAYS, START

PREFIX = "/api/v1"
LOOKS = 8
"""In one round."""
PAGES_DOWN = 3
"""How far down the list of persons somebody looks at most."""


@dataclass(slots=True)
class Seen:
    """How long each kind of answer took, in seconds, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)


class Client:
    """One connection that stays open: as little work as possible, so that the service has the machine."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 24)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\n{self._head}".encode())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length:")[2].partition("\r\n")[0])
            return int(head.split(" ", 2)[1]), await reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError, ValueError):
            self._streams = None
            raise


class User:
    """Somebody who thinks for a while after each look, now longer, now shorter."""

    def __init__(self, client: Client, paths: Mapping[str, Any], seen: Seen, seed: int, think: float) -> None:
        self._client = client
        self._paths = paths
        self._seen = seen
        self._draw = random.Random(seed)
        self._think = think

    async def work(self, until: float) -> None:
        # Nobody begins with the others, nor keeps in step with them.
        await asyncio.sleep(self._draw.random() * self._think * LOOKS)
        while time.monotonic() < until:
            before = START + timedelta(days=self._draw.random() * (DAYS - 10) + 10)
            alerts = await self._look("alert list", "/alerts", newest=True, until=_text(before))
            if alerts and alerts["next"]:
                await self._look("next page", "/alerts", newest=True, until=_text(before), after=alerts["next"])
            for one in self._some(alerts):
                await self._look("alert", f"/alerts/{quote(one['id'])}")
            cases = await self._look("case list", "/cases", newest=True, until=_text(before))
            for one in self._some(cases):
                await self._look_where_there_is("case", "/cases/{case_id}", one["id"])
            persons = await self._look("persons by risk", "/persons")
            for _ in range(self._draw.randrange(PAGES_DOWN)):
                if persons and persons["next"]:
                    persons = await self._look("persons, next page", "/persons", after=persons["next"])
            for one in self._some(persons):
                await self._look_where_there_is("person", "/persons/{pseudonym}", one["person"])

    def _some(self, page: Any) -> list[Any]:
        return [self._draw.choice(page["items"])] if page and page["items"] else []

    async def _look_where_there_is(self, what: str, route: str, name: str) -> None:
        if PREFIX + route in self._paths:
            await self._look(what, f"{route.partition('{')[0]}{quote(name)}")

    async def _look(self, what: str, path: str, **params: Any) -> Any:
        """What is answered; None where that is an error."""
        asked = f"{PREFIX}{path}{'?' if params else ''}{urlencode(params)}"
        begun = time.monotonic()
        try:
            status, body = await self._client.get(asked)
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            self._seen.errors.append(f"{asked}: {error!r}")
            status, body = 0, b""
        else:
            self._seen.seconds[what].append(time.monotonic() - begun)
            if status != 200:
                self._seen.errors.append(f"{asked}: {status} {body[:200]!r}")
        await asyncio.sleep(self._draw.expovariate(1 / self._think) if self._think else 0)
        return orjson.loads(body) if status == 200 else None


async def all_at_work(port: int, keys: Sequence[str], think: float, seconds: float) -> Seen:
    """A user for each key, for so long."""
    seen = Seen()
    _, described = await Client(port, keys[0]).get("/openapi.json")
    paths = orjson.loads(described)["paths"]
    until = time.monotonic() + seconds
    work = (User(Client(port, key), paths, seen, seed, think).work(until) for seed, key in enumerate(keys))
    await asyncio.gather(*work)
    return seen


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
