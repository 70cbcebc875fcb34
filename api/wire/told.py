"""Every request is counted, timed and told of in one line: by whom, which operation, with what status. Never what was
asked for, nor about whom."""

from __future__ import annotations

import re
import secrets
from time import perf_counter

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.wire.settings import Log

GIVEN = re.compile(rb"[A-Za-z0-9-]{8,64}")
NO_OPERATION = "none"
"""What is counted where nothing is: whatever somebody tries, there is one more label at most."""


class Requests:
    """Counts and seconds of requests, by operation and status."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "leaverwatch_request_seconds",
            "Seconds until an answer was sent",
            ["operation", "status"],
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0),
            registry=self._registry,
        )

    def note(self, operation: str, status: int, seconds: float) -> None:
        self._seconds.labels(operation, str(status)).observe(seconds)

    def exposition(self) -> bytes:
        """In the Prometheus text format."""
        return generate_latest(self._registry)


class Told:
    """A layer: gives the request an id, or takes the one it came with, and tells of it once it is answered."""

    def __init__(self, app: ASGIApp, *, requests: Requests, log: Log) -> None:
        self._app = app
        self._requests = requests
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        request_id = _given(scope) or secrets.token_hex(8).encode()
        state = scope.setdefault("state", {})
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = perf_counter() - begun
            operation = getattr(scope.get("route"), "operation_id", None) or NO_OPERATION
            caller = state.get("caller")
            self._requests.note(operation, status, seconds)
            self._log(
                {
                    "caller": caller.name if caller else "",
                    "operation": operation,
                    "status": status,
                    "seconds": round(seconds, 4),
                    "request": request_id.decode(),
                }
            )


def _given(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and GIVEN.fullmatch(value):
            found: bytes = value
            return found
    return None
