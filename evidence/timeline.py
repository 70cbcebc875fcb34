"""The picture of a case in time: events and alerts day by day, and the days that matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

MOST_BARS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day with a name: the notice, the last day."""

    day: date
    name: str


def timeline(events: Mapping[date, int], alerts: Sequence[date], days: Sequence[Day]) -> dict[str, Any] | None:
    """Places from 0 to 1 for whoever draws it: `bars` of events, `alerts` of so many each, `days`, `ticks`; None where
    there is nothing to draw. Days are put together where there are many."""
    known = sorted({*events, *alerts, *(one.day for one in days)})
    if not known:
        return None
    first, last = known[0] - timedelta(days=1), known[-1] + timedelta(days=1)
    length = (last - first).days + 1
    span = -(-length // MOST_BARS)
    slots = -(-length // span)

    def slot(day: date) -> int:
        return (day - first).days // span

    bars: Counter[int] = Counter()
    for day, count in events.items():
        bars[slot(day)] += count
    raised = Counter(slot(day) for day in alerts)
    highest = max(bars.values(), default=0)
    return {
        "width": 1 / slots,
        "bars": [{"x": at / slots, "high": (count / highest) ** 0.5} for at, count in sorted(bars.items()) if count],
        "alerts": [{"x": (at + 0.5) / slots, "count": count} for at, count in sorted(raised.items())],
        "days": [
            {"x": (slot(one.day) + 0.5) / slots, "name": f"{one.name} {one.day.isoformat()}"}
            for one in sorted(days, key=lambda one: (one.day, one.name))
        ],
        "ticks": [{"x": at / slots, "name": (first + timedelta(days=at * span)).isoformat()} for at in _ticks(slots)],
        "highest": highest,
        "span": span,
    }


def _ticks(slots: int) -> range:
    return range(0, slots, max(1, -(-slots // 6)))
