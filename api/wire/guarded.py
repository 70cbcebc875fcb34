"""What every answer says to browsers, and what is answered where the service itself fails."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, answer_of

HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""A route that needs another one sets it."""
HTTPS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Guarded:
    """A layer: adds the headers that an answer does not have, and answers a failure of ours as a problem without
    saying what failed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = (*HEADERS, HTTPS) if scope.get("scheme") == "https" else HEADERS
        started = False

        async def guarding(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                there = list(message.get("headers", ()))
                names = {name.lower() for name, _ in there}
                message["headers"] = [*there, *(one for one in wanted if one[0] not in names)]
            await send(message)

        try:
            await self._app(scope, receive, guarding)
        except Exception:
            if not started:
                failed = Problem(500, "failed", "the service failed; its log says why")
                await answer_of(failed)(scope, receive, guarding)
            raise
