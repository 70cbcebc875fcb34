"""What is refused before any route sees it: other hosts' requests, too many, and too much of one."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, answer_of
from api.wire.bodies import too_large
from api.wire.rates import Buckets, address_of
from api.wire.settings import Settings

HEADER_BYTES = 16 * 1024
TARGET_BYTES = 8 * 1024
WITHOUT_NAMES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked for by address, by whoever watches the process."""
UPLOADS = ("multipart/form-data", "text/csv", "application/octet-stream")
READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Limited:
    """A layer: holds a request to the limits."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._rates = Buckets("address", settings.address_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        try:
            said = self._rates.take(address_of(scope))
            self._admit(scope, headers)
        except Problem as problem:
            await answer_of(problem)(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["said"] = said
        if scope["method"] not in READS:
            receive = _Body(receive, self._most(headers), self._settings.upload_seconds)

        async def saying(message: Message) -> None:
            if message["type"] == "http.response.start" and state["said"]:
                names = {name for name, _ in message["headers"]}
                own = [(name.lower().encode(), value.encode()) for name, value in state["said"].items()]
                message["headers"] = [*message["headers"], *(one for one in own if one[0] not in names)]
            await send(message)

        await self._app(scope, receive, saying)

    def _admit(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            raise Problem(431, "headers-too-large", f"the headers have more than {HEADER_BYTES} bytes")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > TARGET_BYTES:
            raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "address-too-long", f"more than {TARGET_BYTES} bytes")
        hosts = self._settings.hosts
        if hosts and scope["path"] not in WITHOUT_NAMES and _name(headers.get(b"host", b"")) not in hosts:
            raise Problem(HTTPStatus.MISDIRECTED_REQUEST, "other-host", "the service does not answer to this name")
        length = headers.get(b"content-length", b"0")
        most = self._most(headers)
        if not length.isdigit() or int(length[:20]) > most:
            raise too_large(most)

    def _most(self, headers: dict[bytes, bytes]) -> int:
        upload = headers.get(b"content-type", b"").decode("latin-1").lower().startswith(UPLOADS)
        return self._settings.upload_mib * 1024 * 1024 if upload else self._settings.body_kib * 1024


class _Body:
    """The body of a request, as far as it is within bounds of size and time."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive = receive
        self._left = self._most = most
        self._seconds = seconds
        self._until: float | None = None
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            why = f"the body did not come within {self._seconds:.0f} seconds"
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, "too-slow", why) from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise too_large(self._most)
        self._whole = not message.get("more_body", False)
        return message


def _name(host: bytes) -> str:
    """The host of a Host header, without its port."""
    text = host.decode("latin-1").lower()
    name, colon, port = text.rpartition(":")
    return name if colon and port.isdigit() else text
