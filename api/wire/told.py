"""Every request is counted, timed and told of in one line: by whom, which operation, with what status. Never what was
asked for, nor about whom."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable
from time import perf_counter

from prometheus_client import CollectorRegistry, Histogram, Metric, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.wire.settings import Log

GIVEN = re.compile(rb"[A-Za-z0-9-]{8,64}")
NO_OPERATION = "none"
"""What is counted where nothing is: whatever somebody tries, there is one more label at most."""


TOGETHER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which several processes count together."""
SECONDS = "leaverwatch_request_seconds"


class Requests:
    """Counts and seconds of requests, by operation and status."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            SECONDS,
            "Seconds until an answer was sent",
            ["operation", "status"],
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0),
            registry=self._registry,
        )

    def note(self, operation: str, status: int, seconds: float) -> None:
        self._seconds.labels(operation, str(status)).observe(seconds)

    def exposition(self) -> bytes:
        """In the Prometheus text format, of all processes that count together."""
        if TOGETHER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        together.register(_OfAll())
        return generate_latest(together)


class _OfAll(Collector):
    """Requests to all processes; what else is counted is of one alone."""

    def collect(self) -> Iterable[Metric]:
        found: Iterable[Metric] = MultiProcessCollector(None).collect()  # type: ignore[no-untyped-call]
        return [one for one in found if one.name == SECONDS]


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
