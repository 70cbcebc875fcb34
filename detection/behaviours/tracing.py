"""Which events of a person are about the same thing, whatever each system calls it: by name, by content, by record."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

NAME, CONTENT, RECORD = "name", "content", "record"
BY = (NAME, CONTENT, RECORD)
"""What may tie two events, in the order in which it is told."""
AROUND = 64
"""Handles of one thing that are looked at, the nearest first."""
REMEMBERED = 64
"""Events of each step that a handle remembers, the newest."""


class Seen(NamedTuple):
    """One event: when (microseconds), the places of its steps, its handles as far as it has such, what it is called
    from then on, and how it is shown. `document` says whether its name is one of a document, `harmless` whether it is
    one of something that nobody looks at."""

    time: int
    places: tuple[int, ...]
    name: str | None
    content: str | None
    record: str | None
    target: str | None
    shown: str
    document: bool = False
    harmless: bool = False


class Step(NamedTuple):
    """An event that is a step. `key` orders steps: by time, and a disguise before what was done with it."""

    key: int
    time: int
    event: int
    shown: str


class Handle:
    """Something that one thing goes by; of a name, what it stood for from one renaming to the next."""

    __slots__ = ("by", "document", "steps", "ties")

    def __init__(self, by: str) -> None:
        self.by = by
        self.steps: dict[int, list[Step]] = {}
        self.ties: dict[Handle, int] = {}
        """The handles of the same thing, and when that was seen last, which stands last."""
        self.document: int | None = None
        """When it was last seen under the name of a document."""

    def add(self, place: int, step: Step) -> None:
        steps = self.steps.setdefault(place, [])
        steps.append(step)
        if len(steps) > 2 * REMEMBERED:
            del steps[:-REMEMBERED]


class Added(NamedTuple):
    """A handle of the thing that an event is about, and whether the event tied handles that nothing tied before."""

    handle: Handle
    tied: bool


class Trace:
    """A person's things. Ties and names hold for `span` microseconds after they were seen last, so that what is said
    at a moment depends on the two spans before it and on nothing else. Events are given in order."""

    def __init__(self, span: int, disguise: int | None) -> None:
        self.span = span
        self.disguise = disguise
        self._handles: dict[tuple[str, str], Handle] = {}
        self._renamed: dict[str, tuple[int, Handle]] = {}
        self._number = 0

    def add(self, event: Seen) -> Added:
        """What the event is about; it names something."""
        handles = [self._handle(by, value, event.time) for by, value in zip(BY, event[2:5], strict=True) if value]
        if event.target:
            new = Handle(NAME)
            self._renamed[event.target] = (event.time, new)
            handles.append(new)
        first, *others = handles
        tied = [self._tie(first, other, event.time) for other in others]
        self._number += 1
        key = 2 * self._number
        if self.disguise is not None and self._was_document(event, handles):
            _note(handles, self.disguise, Step(key, event.time, self._number, event.shown))
        for place in event.places:
            _note(handles, place, Step(key + 1, event.time, self._number, event.shown))
        return Added(first, any(tied))

    def thing(self, handle: Handle, now: int) -> list[Handle]:
        """The handle and those of the same thing, as far as is known."""
        found = {handle: None}
        for one in (waiting := [handle]):
            for other, time in reversed(one.ties.items()):
                if time <= now - self.span or len(found) >= AROUND:
                    break
                if other not in found:
                    found[other] = None
                    waiting.append(other)
        return list(found)

    def whole(self, thing: Iterable[Handle], needs: Sequence[int], now: int) -> bool:
        """Whether the thing went through these steps in their order within the span that ends now."""
        before = 2 * self._number + 2
        step = None
        for place in reversed(needs):
            step = max((last for one in thing if (last := _last(one, place, before))), default=None)
            if step is None:
                return False
            before = step.key
        return step is not None and step.time > now - self.span

    def steps(self, handle: Handle, since: int) -> Iterator[tuple[int, Step]]:
        """A handle's steps after a moment, with the place of each."""
        for place, steps in handle.steps.items():
            for step in steps[max(bisect_right(steps, since, key=_time), len(steps) - REMEMBERED) :]:
                yield place, step

    def _handle(self, by: str, value: str, now: int) -> Handle:
        if by == NAME and value in self._renamed:
            since, handle = self._renamed[value]
            if since > now - self.span:
                return handle
        return self._handles.setdefault((by, value), Handle(by))

    def _tie(self, one: Handle, other: Handle, now: int) -> bool:
        if one is other:
            return False
        before = one.ties.pop(other, None)
        other.ties.pop(one, None)
        one.ties[other] = other.ties[one] = now
        return before is None or before <= now - self.span

    def _was_document(self, event: Seen, handles: Iterable[Handle]) -> bool:
        """Whether the content of an event that looks harmless was a document's before."""
        found = False
        for handle in handles:
            if handle.by == CONTENT:
                found = event.harmless and handle.document is not None and handle.document > event.time - self.span
                handle.document = event.time if event.document else handle.document
        return found


def _note(handles: Iterable[Handle], place: int, step: Step) -> None:
    for handle in handles:
        handle.add(place, step)


def _last(handle: Handle, place: int, before: int) -> Step | None:
    steps = handle.steps.get(place, [])
    at = bisect_left(steps, before, key=_key)
    return steps[at - 1] if at > max(0, len(steps) - REMEMBERED) else None


def _key(step: Step) -> int:
    return step.key


def _time(step: Step) -> int:
    return step.time
