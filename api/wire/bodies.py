"""The body of a request, read by a layer and given to the next one once more."""

from __future__ import annotations

from starlette.types import Message, Receive

from api.problems import Problem


async def body_of(receive: Receive, most: int) -> bytes:
    """All of it. Ends the request (413) where that is more than so many bytes."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise too_large(most)
    return bytes(body)


def too_large(most: int) -> Problem:
    return Problem(413, "too-large", f"such a body has {most} bytes at most")


def given(body: bytes, receive: Receive) -> Receive:
    """In the place of `receive`: what was read of it, then whatever else comes."""
    left = True

    async def again() -> Message:
        nonlocal left
        if not left:
            return await receive()
        left = False
        return {"type": "http.request", "body": body, "more_body": False}

    return again
