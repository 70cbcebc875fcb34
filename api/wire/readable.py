"""Text that is none: refused before any route or database meets it."""

from __future__ import annotations

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import Problem, answer_of
from api.wire.bodies import body_of, given

NUL = b"\\u0000"
OWN_WAY = "/scim/"
"""What reads its bodies by itself, and has errors of its own."""


class Readable:
    """A layer: JSON has to be JSON, without halves of characters, NUL or numbers that are none; addresses are without
    NUL too."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                raise Problem(422, "unreadable", "the address has a NUL in it")
            if "json" in Headers(scope=scope).get("content-type", "") and not scope["path"].startswith(OWN_WAY):
                body = await body_of(receive, self._most)
                _check(body)
                receive = given(body, receive)
        except Problem as problem:
            await answer_of(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _check(body: bytes) -> None:
    try:
        if body:
            orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(422, "unreadable", f"the body is no JSON: {error.msg} at {error.pos}") from None
    if NUL in body.replace(b"\\\\", b""):
        raise Problem(422, "unreadable", "the body has a NUL in it")
