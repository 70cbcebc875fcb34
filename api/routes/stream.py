"""What happens, as it happens: server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Annotated

from fastapi import Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from access.lens import Lens
from api.caller import Door, needs
from api.problems import Problem, answers
from api.routing import Router
from api.shop import InShop, Shop
from api.stream import HEARTBEAT, HEARTBEAT_SECONDS, SEEN_AGAIN_SECONDS, Listener, Stream, events, heard, next_of
from core.access import Caller, Permission
from core.happening import Happening

router = Router(prefix="/api/v1/stream", tags=["stream"], responses=answers(401, 403, 429, 503))
SEND_SECONDS = 30.0
"""Who does not take what is sent within so long, is gone."""
EVENT_STREAM = "text/event-stream"
EXAMPLE = (
    'id: 41\nevent: alert.raised\ndata: {"number":41,"at":"2026-03-02T03:00:00Z","kind":"alert.raised","subject":'
    '"9f86d081884c7d65","person":"P1C0F9A34B7D2E685","by":"","severity":"high",'
    '"details":{"rule":"mass_export","score":62.5}}\n\n'
)


@router.get(
    "",
    operation_id="listen",
    response_class=Response,
    responses={200: {"content": {EVENT_STREAM: {"schema": {}, "example": EXAMPLE}}}},
)
async def listen(
    request: Request,
    shop: InShop,
    last_event_id: Annotated[
        int | None,
        Header(ge=-1, le=2**63 - 1, description="The last number that was seen; what followed comes first"),
    ] = None,
    seconds: Annotated[int | None, Query(ge=0, le=86_400, description="End after so long; else never")] = None,
    caller: Caller = needs(Permission.LISTEN),
) -> Response:
    """Alerts, cases, notices and whatever else happens, as far as the caller may know of it, until they may not any
    more. A comment comes now and then, so that both ends know of each other. Who is too slow is let go of, and comes
    back with `Last-Event-ID`."""
    stream: Stream = request.app.state.stream
    listener = await stream.join(caller.name)
    after = listener.since if last_event_id is None else last_event_id
    return Events(_told(request, shop, caller, stream, listener, after, seconds), stream, listener)


async def _told(
    request: Request, shop: Shop, caller: Caller, stream: Stream, listener: Listener, after: int, seconds: int | None
) -> AsyncIterator[bytes]:
    door: Door = request.app.state.door
    begun = seen = monotonic()
    lens = await run_in_threadpool(shop.lens, caller)
    yield HEARTBEAT
    async for some in stream.before(after, listener.since):
        yield await run_in_threadpool(_shown, shop, lens, some)
    while not listener.dropped:
        left = HEARTBEAT_SECONDS if seconds is None else min(HEARTBEAT_SECONDS, begun + seconds - monotonic())
        if left <= 0:
            return
        some = await next_of(listener, left)
        if monotonic() - seen >= SEEN_AGAIN_SECONDS:
            seen = monotonic()
            try:
                caller = await run_in_threadpool(door.caller, request)
            except Problem:
                return
            if not caller.may(Permission.LISTEN):
                return
            lens = await run_in_threadpool(shop.lens, caller)
        yield await run_in_threadpool(_shown, shop, lens, some) if some else HEARTBEAT


def _shown(shop: Shop, lens: Lens, some: Sequence[Happening]) -> bytes:
    """What the caller is told of some happenings, noted as a look at whom it is about."""
    told = heard(some, lens)
    shop.looks.note(lens, "stream", (one.person for one in told if one.person))
    return events(told, some[-1].number, lens)


class Events(Response):
    """Sends what there is until there is no more, or nobody takes it."""

    def __init__(self, told: AsyncIterator[bytes], stream: Stream, listener: Listener) -> None:
        self._told = told
        self._stream = stream
        self._listener = listener
        super().__init__(media_type=EVENT_STREAM)
        del self.headers["content-length"]

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        going = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sending, going}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stream.leave(self._listener)
            for task in (sending, going):
                task.cancel()
            how, _gone_too = await asyncio.gather(sending, going, return_exceptions=True)
        if isinstance(how, Exception) and not isinstance(how, TimeoutError):
            raise how

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for text in self._told:
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": text, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
