"""What happens, as it happens: one reader for all who listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from access.lens import Lens
from api.problems import Problem
from core.errors import LeaverwatchError
from core.happening import Happening, Happenings, Kind
from core.hearing import may_know, names_of

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
SEEN_AGAIN_SECONDS = 60.0
"""How often it is asked whether somebody may still listen."""
PIECE = 500
BEHIND = 64
"""Pieces that wait for somebody who listens slowly; with more, they are let go of."""
OF_ONE_CALLER = 5
HEARTBEAT = b": still here\n\n"


class HappeningView(BaseModel):
    """One thing that happened: `subject` is the id of what `kind` names, `person` the pseudonym of whom it is about,
    null where nobody. `number` grows; given as `Last-Event-ID`, what follows it is sent."""

    number: int
    at: datetime
    kind: Kind
    subject: str
    person: str | None
    by: str
    severity: str
    details: dict[str, Any]


def happening_view(one: Happening, lens: Lens) -> HappeningView:
    return HappeningView(
        number=one.number,
        at=one.at,
        kind=one.kind,
        subject=one.subject,
        person=lens.pseudonym(one.person) if one.person else None,
        by=one.by,
        severity=one.severity,
        details=dict(one.details),
    )


class Listener:
    """Somebody who listens: what they have yet to be told."""

    def __init__(self, name: str, since: int) -> None:
        self.name = name
        self.since = since
        self.queue: asyncio.Queue[Sequence[Happening]] = asyncio.Queue(BEHIND)
        self.dropped = False

    def offer(self, some: Sequence[Happening]) -> None:
        try:
            self.queue.put_nowait(some)
        except asyncio.QueueFull:
            self.dropped = True


class Stream:
    """The happenings of this process: read once while anybody listens, however many do."""

    def __init__(self, happenings: Happenings, most: int) -> None:
        self._happenings = happenings
        self._most = most
        self._listeners: set[Listener] = set()
        self._reader: asyncio.Task[None] | None = None
        self._last = -1

    async def join(self, name: str) -> Listener:
        """A new listener, of whatever happens from here on. Ends the request where there are too many."""
        if len(self._listeners) >= self._most:
            raise Problem(503, "too-many-listeners", "too many listen already", {"Retry-After": "60"})
        if sum(one.name == name for one in self._listeners) >= OF_ONE_CALLER:
            raise Problem(429, "too-many-listeners", f"{OF_ONE_CALLER} at most of one caller", {"Retry-After": "60"})
        listener = Listener(name, self._last)
        self._listeners.add(listener)
        if self._reader is None or self._reader.done():
            try:
                self._last = await run_in_threadpool(self._happenings.last_happening)
            except BaseException:
                self._listeners.discard(listener)
                raise
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read())
            for one in self._listeners:
                one.since = max(one.since, self._last)
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def before(self, after: int, until: int) -> AsyncIterator[Sequence[Happening]]:
        """What happened after one and until another, a piece at a time."""
        while after < until:
            some = await run_in_threadpool(self._happenings.happened, after, PIECE)
            some = [one for one in some if one.number <= until]
            if not some:
                return
            yield some
            after = some[-1].number

    async def _read(self) -> None:
        try:
            while True:
                some = await run_in_threadpool(self._happenings.happened, self._last, PIECE)
                if some:
                    self._last = some[-1].number
                    for listener in self._listeners:
                        listener.offer(some)
                if len(some) < PIECE:
                    await asyncio.sleep(POLL_SECONDS)
        except LeaverwatchError:
            pass  # whoever comes back is told, unless it lasts
        finally:
            for listener in self._listeners:
                listener.dropped = True


def heard(some: Sequence[Happening], lens: Lens) -> list[Happening]:
    """Those of them that the caller may know of."""
    return [one for one in some if _hears(lens, one)]


def events(told: Sequence[Happening], last: int, lens: Lens) -> bytes:
    """Server-sent events, and the number of the last one that there was, told or not, so that nobody who comes back is
    given again what they may not know of."""
    sent = [
        f"id: {one.number}\nevent: {one.kind.value}\ndata: {happening_view(one, lens).model_dump_json()}\n\n"
        for one in told
    ]
    return "".join([*sent, f"id: {last}\n\n"]).encode()


def _hears(lens: Lens, happening: Happening) -> bool:
    caller = lens.caller
    if not may_know(caller.permissions, happening, names=names_of(caller.roles, caller.name)):
        return False
    return not happening.person or lens.within(happening.person)


async def next_of(listener: Listener, seconds: float) -> Sequence[Happening]:
    """What happens next; nothing where that takes longer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await listener.queue.get()
    return ()
