"""A company's people in parts that are kept, and looked at, one at a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.canonical import PLACES, place_of

PERSONS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """Persons who are kept together: those whose place lies from `first` to `last`."""

    number: int
    first: int
    last: int
    persons: tuple[str, ...]


def parts_of(persons: Collection[str]) -> list[Part]:
    """All persons in so many parts that each has a thousand or fewer on average; whoever comes or goes, others stay in
    theirs."""
    count = 1
    while count * PERSONS_AT_ONCE < len(persons):
        count *= 2
    width = PLACES // count
    own: list[list[str]] = [[] for _ in range(count)]
    for person in sorted(persons):
        own[place_of(person) // width].append(person)
    return [Part(n, n * width, (n + 1) * width - 1, tuple(some)) for n, some in enumerate(own)]
