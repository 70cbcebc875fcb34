"""ETags: whoever asks again for what has not changed is told just that."""

from __future__ import annotations

from hashlib import blake2b

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from api.wire.whole import Whole


class Conditional:
    """A layer: gives JSON answers to GET an ETag, and answers 304 where the caller has it already. A tag that a route
    has given, a version, stands before the digest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match")

        def change(headers: MutableHeaders, body: bytes) -> tuple[int, bytes]:
            digest = blake2b(body, digest_size=16).hexdigest()
            version = headers.get("etag", "").strip('"')
            tag = f'"{version}.{digest}"' if version else f'"{digest}"'
            headers["etag"] = tag
            if known is None or not _has(known, tag):
                return 200, body
            del headers["content-type"]
            return 304, b""

        await self._app(scope, receive, Whole(send, change))


def _has(known: str, tag: str) -> bool:
    return known.strip() == "*" or any(one.strip().removeprefix("W/") == tag for one in known.split(","))
