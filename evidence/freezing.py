"""Whether what was frozen is what was frozen: snapshots, events and texts against the ledger and their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from core.evidence import SNAPSHOT, Snapshot
from core.merkle import leaf_hash
from core.proof import Ledger, Placed, canonical, leaf_of

AT_ONCE = 5_000
T = TypeVar("T")


class Everything(Ledger, Protocol):
    """The ledger, and all that was ever frozen, a little at a time."""

    def every_snapshot(self) -> Iterator[Snapshot]: ...

    def every_frozen_event(self) -> Iterator[tuple[str, bytes]]: ...

    def every_frozen_text(self) -> Iterator[tuple[str, bytes]]: ...


def examine_frozen(records: Everything, erased: Iterable[str] = ()) -> Iterator[str]:
    """What is wrong with it, a sentence each. Snapshots that were `erased` are not missed."""
    seen = set(erased)
    for snapshots in _some(records.every_snapshot()):
        placed = records.placed([one.id for one in snapshots])
        for one in snapshots:
            seen.add(one.id)
            content = canonical({"alert": one.alert, "snapshot": one.id})
            if _digest(one.body) != one.id:
                yield f"snapshot {one.id} of alert {one.alert} was changed"
            elif not _is_leaf(records, placed.get(one.id), content):
                yield f"snapshot {one.id} of alert {one.alert} is not what the ledger has"
    for entry in records.entries():
        if entry.kind == SNAPSHOT and entry.whole():
            gone = (name for name in map(entry.id_of, range(entry.count)) if name not in seen)
            yield from (f"snapshot {name} was removed" for name in gone)
    for events in _some(records.every_frozen_event()):
        places = records.placed([name for name, _ in events])
        # What was stored before there was a ledger has no leaf.
        known = ((name, content) for name, content in events if name in places)
        yield from (f"frozen event {name} was changed" for name, content in known
                    if not _is_leaf(records, places[name], _bytes(content)))  # fmt: skip
    for name, text in records.every_frozen_text():
        if _digest(text) != name:
            yield f"frozen text {name} was changed"


def _is_leaf(ledger: Ledger, place: Placed | None, content: bytes) -> bool:
    return place is not None and ledger.node((place.index, place.index + 1)) == leaf_hash(leaf_of(content, place.salt))


def _digest(data: object) -> str:
    return hashlib.sha256(_bytes(data)).hexdigest()


def _bytes(data: object) -> bytes:
    """Whoever changes a row may leave something else in it."""
    return data if isinstance(data, bytes) else repr(data).encode()


def _some(found: Iterable[T]) -> Iterator[Sequence[T]]:
    left = iter(found)
    while some := list(islice(left, AT_ONCE)):
        yield some
