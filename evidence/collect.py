"""The leaves of a case: what its alerts were raised on, as it was frozen, then everything else stored in its scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

import orjson
import polars as pl

from core.errors import Broken
from core.evidence import Frozen, Snapshot
from core.merkle import leaf_hash
from core.ports import EventQuery, EventReader
from core.proof import LedgerReader, Placed, canonical, leaf_of
from core.totals import DAY
from evidence.scope import Scope

Contents = Callable[[pl.DataFrame], Iterable[bytes]]
"""Of stored events, in their order, the content of each one's leaf."""
AT_ONCE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A leaf with its place, its data, and what is in it."""

    index: int
    line: bytes
    content: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Gatherer:
    """Reads the leaves of a case, some at a time, up to a head's size. What is no leaf below that cannot be proved: it
    is left out and counted in `unproven`. Raises `Broken` where the store differs from the ledger."""

    frozen: Frozen
    events: EventReader
    ledger: LedgerReader
    contents: Contents
    size: int
    unproven: int = 0
    _seen: set[str] = field(default_factory=set)

    def snapshots(self, snapshots: Sequence[Snapshot]) -> Iterator[Leaf]:
        """Those of the snapshots themselves."""
        placed = self.ledger.placed([one.id for one in snapshots])
        for one in snapshots:
            values = {"alert": one.alert, "snapshot": one.id}
            yield from self._leaf(one.id, canonical(values), values, placed)

    def case_events(self, snapshots: Sequence[Snapshot], scope: Scope) -> Iterator[Leaf]:
        """Those of events within the scope, each once."""
        wanted = sorted({event for one in snapshots for event in orjson.loads(one.body)["events"]})
        self._seen = set(wanted)
        placed = self.ledger.placed(wanted)
        wanted.sort(key=lambda event: placed[event].index if event in placed else self.size)
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            found = dict(self.frozen.frozen_events(some))
            for event in some:
                if event in found and scope.has(content := orjson.loads(found[event])):
                    yield from self._leaf(event, found[event], content, placed)
        for frame in self._stored(scope):
            yield from self._of(frame, scope)

    def _of(self, frame: pl.DataFrame, scope: Scope) -> Iterator[Leaf]:
        placed = self.ledger.placed(frame["event.id"].to_list())
        for event, content in zip(frame["event.id"], self.contents(frame), strict=True):
            if event not in self._seen and scope.has(values := orjson.loads(content)):
                yield from self._leaf(event, content, values, placed)

    def _leaf(
        self, name: str, content: bytes, values: Mapping[str, Any], placed: Mapping[str, Placed]
    ) -> Iterator[Leaf]:
        place = placed.get(name)
        if place is None or place.index >= self.size:
            self.unproven += 1
            return
        line = leaf_of(content, place.salt)
        if leaf_hash(line) != self.ledger.node((place.index, place.index + 1)):
            raise Broken(f"{name} is not as it was when leaf {place.index} of the ledger was made of it")
        yield Leaf(index=place.index, line=line, content=values)

    def _stored(self, scope: Scope) -> Iterator[pl.DataFrame]:
        """Stored events of the scope's accounts in order of time, so many at once."""
        accounts = {account for account, _, _ in scope.spans}
        if not accounts:
            return
        asked = EventQuery(accounts=accounts, start=scope.since, end=scope.until)
        for start, end in _runs(self.events.totals(asked, [DAY])):
            start, end = max(start, scope.since or start), min(end, scope.until or end)
            after: tuple[datetime, str] | None = None
            while True:
                begin = max(start, after[0]) if after else start
                query = EventQuery(accounts=accounts, start=begin, end=end, after=after, limit=AT_ONCE)
                frame = self.events.read(query)
                if frame.height:
                    yield frame
                if frame.height < AT_ONCE:
                    break
                last = frame.row(-1, named=True)
                after = last["@timestamp"], last["event.id"]


def _runs(totals: pl.DataFrame) -> Iterator[tuple[datetime, datetime]]:
    """Days in runs that have about as many events as are read at once."""
    days = totals.drop_nulls(DAY).sort(DAY).select(DAY, "events").rows()
    first, count = None, 0
    for place, (day, events) in enumerate(days):
        first, count = first or day, count + events
        full = place + 1 == len(days) or count + days[place + 1][1] > AT_ONCE
        if full:
            midnight = datetime.combine(first, time(), UTC)
            yield midnight, datetime.combine(day, time(), UTC) + timedelta(days=1)
            first, count = None, 0
