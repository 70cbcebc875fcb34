"""What a behaviour may ask about everybody: few, rare questions, answered from the store as of a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol


def months_after(first: date, last: date, days: int) -> tuple[date, date]:
    """The days of the months that events between two days bear on, where the `days` before a month are looked at."""
    end = last + timedelta(days=days)
    return _next_month(first), _next_month(end) - timedelta(days=1)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


class Usual(NamedTuple):
    """What several people have: the one in the middle, and the one with the most."""

    middle: float
    most: float


class Notice(NamedTuple):
    """That somebody leaves: known from `filed` on, true until before `until`. A `guess` is the stage `pre_departure`,
    of which HR knows nothing."""

    filed: datetime
    until: datetime
    last_day: date | None
    guess: bool = False


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

    def notices(self, person: str) -> Sequence[Notice]:
        """What HR filed of a departure, in order, a later notice in the place of one before it; and when the person was
        at the stage `pre_departure`."""

    def takers(
        self, rules: Collection[str], field: str, values: Sequence[str], first: date, last: date
    ) -> Mapping[str, Sequence[tuple[str, date]]]:
        """Of some values, who had events with them that these rules tagged, and on which days."""
