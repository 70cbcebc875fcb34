"""Which events of a person are about the same thing, whatever each system calls it: by name, by content, by record."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

NAME, CONTENT, RECORD = "name", "content", "record"
BY = (NAME, CONTENT, RECORD)
"""What may tie two events, in the order in which it is told."""
AROUND = 64
"""Handles of one thing that are looked at, the nearest first."""
NAMES = 3
"""The most names under which a content is still one file; what goes by more, such as a template, is many files'."""
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

    def common(self, since: int) -> bool:
        """Whether it goes by too many names to tell by it what they are."""
        recent = takewhile(lambda tie: tie[1] > since, islice(reversed(self.ties.items()), AROUND))
        return sum(one.by == NAME for one, _ in recent) > NAMES

    def add(self, place: int, step: Step) -> None:
        steps = self.steps.setdefault(place, [])
        steps.append(step)
        if len(steps) > 2 * REMEMBERED:
            del steps[:-REMEMBERED]


class Added(NamedTuple):
    """A handle of the thing that an event is about, and of its content where it names one; and whether the event tied
    handles that nothing tied before."""

    handle: Handle
    content: Handle | None
    tied: bool


class Trace:
    """A person's things. Names hold for `span` microseconds after they were given, ties after they were seen last, a
    document's content after it was seen as one. What is said of a thing at a moment depends on the span before it; what
    its events were about, on one more. Events are given in order.

    A content that goes by more than `NAMES` names ties nothing: it is a thing of its own, and each name is another."""

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
        content = next((handle for handle in handles if handle.by == CONTENT), None)
        if self.disguise is not None and content and _was_document(content, event, self.span):
            # Of the content alone: names have it only as long as they are tied to it.
            content.add(self.disguise, Step(key, event.time, self._number, event.shown))
        for place in event.places:
            for handle in handles:
                handle.add(place, Step(key + 1, event.time, self._number, event.shown))
        return Added(first, content, any(tied))

    def thing(self, handle: Handle, since: int, own: Container[Handle] = (), by: Container[str] = BY) -> list[Handle]:
        """The handle and those of the same thing by ties seen after a moment, as far as is known. Those in `own` lead
        on by however many names they go; others than of the kinds in `by` do not."""

        def leads(one: Handle) -> bool:
            return one.by in by and (one.by != CONTENT or one in own or not one.common(since))

        found = {handle: None}
        for one in (waiting := [handle]):
            if one is handle and not leads(one):
                break
            for other, time in reversed(one.ties.items()):
                if time <= since or len(found) >= AROUND:
                    break
                if other not in found and leads(other):
                    found[other] = None
                    waiting.append(other)
        return list(found)

    def whole(self, thing: Iterable[Handle], needs: Sequence[Collection[int]], now: int) -> bool:
        """Whether the thing went through a step of each need, in their order, within the span that ends now."""
        before = 2 * self._number + 2
        step = None
        for places in reversed(needs):
            lasts = (_last(one, place, before) for one in thing for place in places)
            step = max((last for last in lasts if last), default=None)
            if step is None:
                return False
            before = step.key
        return step is not None and step.time > now - self.span

    def went(self, thing: Iterable[Handle], place: int, since: int) -> bool:
        """Whether the thing went through a step after a moment."""
        return any(steps[-1].time > since for one in thing if (steps := one.steps.get(place)))

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


def _was_document(content: Handle, event: Seen, span: int) -> bool:
    """Whether the content of an event that looks harmless was a document's before."""
    found = event.harmless and content.document is not None and content.document > event.time - span
    content.document = event.time if event.document else content.document
    return found


def _last(handle: Handle, place: int, before: int) -> Step | None:
    steps = handle.steps.get(place, [])
    at = bisect_left(steps, before, key=_key)
    return steps[at - 1] if at > max(0, len(steps) - REMEMBERED) else None


def _key(step: Step) -> int:
    return step.key


def _time(step: Step) -> int:
    return step.time
