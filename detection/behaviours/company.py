"""What a behaviour may ask about everybody: few, rare questions, answered from the store as of a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple, Protocol


class Usual(NamedTuple):
    """What several people have: the one in the middle, and the one with the most."""

    middle: float
    most: float


class Company(Protocol):
    """Everybody's events. Bounds are company days, both included."""

    def distinct(self, rules: Collection[str], field: str, first: date, last: date) -> int:
        """How many values of a field the events that these rules tagged had."""

    def days(self, rules: Collection[str], first: date, last: date) -> frozenset[date]:
        """The days on which any of these rules tagged anything of anybody."""

    def usual(self, person: str, rules: Collection[str], field: str | None, first: date, last: date) -> Usual | None:
        """What colleagues of the same post have a working day of the events that these rules tagged, on average: of the
        events, of the sum of `field` where it is a number, else of its distinct values. None of fewer than three, or
        where anybody's such events are not a week old."""
