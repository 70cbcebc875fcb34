"""JSON answers that a layer looks at as a whole; all others pass by as they come."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

Change = Callable[[MutableHeaders, bytes], tuple[int, bytes]]
"""Of the headers, which it may change, and the body of an answer of 200: its new status and body."""


class Whole:
    """In the place of `send`: changes an answer of 200 that is JSON and comes in one piece, as the service's own do."""

    def __init__(self, send: Send, change: Change) -> None:
        self._send = send
        self._change = change
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            json = MutableHeaders(raw=message["headers"]).get("content-type", "").startswith("application/json")
            if message["status"] == 200 and json:
                self._start = message
                return
        elif self._start is not None:
            start, self._start = self._start, None
            if not message.get("more_body", False):
                headers = MutableHeaders(raw=list(start["headers"]))
                status, body = self._change(headers, message.get("body", b""))
                headers["content-length"] = str(len(body))
                start = {**start, "status": status, "headers": headers.raw}
                message = {**message, "body": body}
            await self._send(start)
        await self._send(message)
