"""What little is known of a person's events before any of them is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from core.schema import SCHEMA


@dataclass(slots=True)
class Total:
    """Of a person's events with one tag, how many there are, what their numbers add up to, and how long before the last
    event of all the first of them was; or more."""

    events: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    age: timedelta = timedelta(0)

    def add(self, events: int, sums: Mapping[str, float], age: timedelta) -> None:
        self.events += events
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0) + value
        self.age = max(self.age, age)

    def most(self, field: str | None) -> float:
        """The largest number that a field can come to: its sum where it is a number, else one for each event."""
        return self.sums.get(field, 0) if field in added([field]) else self.events


def together(totals: Iterable[Total]) -> Total:
    """All of them as one."""
    whole = Total()
    for total in totals:
        whole.add(total.events, total.sums, total.age)
    return whole


def added(fields: Iterable[str | None]) -> tuple[str, ...]:
    """Those of some fields that are numbers and added up; of others values are counted."""
    return tuple(dict.fromkeys(name for name in fields if name and SCHEMA[name].is_numeric()))
