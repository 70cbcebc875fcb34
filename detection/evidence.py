"""The events that add up to findings, and what they say together: found by position, summed by prefix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from core.alert import MAX_EVENTS, Fact
from detection.windows import LOW, MOST, Places, moments

EXAMPLES = ("email.to.address", "target.user", "file.target_path", "file.name", "device.id", "source.ip", "crm.object")
"""Fields of which one value tells a reader most, in this order."""
SUMMED = {"data.records": "records", "data.bytes": "bytes"}
FACT_FIELDS = (*SUMMED, *EXAMPLES)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Evidence:
    """Events with the columns of `groups`, `FACT_FIELDS`, `day` and event.id, sorted by the groups and time."""

    def __init__(self, events: pl.DataFrame, groups: Sequence[str]) -> None:
        self._groups = groups
        self._ids = events["event.id"]
        self._times = moments(events)
        self._days = _days(events["day"])
        self._sums = {name: _prefix(events[field]) for field, name in SUMMED.items()}
        self._examples = [(events[field], _next_known(events[field])) for field in EXAMPLES]
        places = events.with_row_index("place").group_by(groups).agg(pl.col("place").min(), pl.len())
        self._places = {tuple(row[:-2]): (row[-2], row[-2] + row[-1]) for row in places.iter_rows()}

    def of(self, day: Mapping[str, Any]) -> Slice:
        """The group's events from `since` to the end of the day."""
        start, end = self._places[tuple(day[name] for name in self._groups)]
        since = (day["since"] - EPOCH) // MICROSECOND
        first = start + int(np.searchsorted(self._times[start:end], since, "left"))
        last = start + int(np.searchsorted(self._days[start:end], day["day"].toordinal(), "right"))
        return Slice(self, first, max(first + 1, last))

    def facts(self, first: int, last: int) -> Iterator[tuple[str, Fact]]:
        for name, (high, low) in self._sums.items():
            total = (int(high[last] - high[first]) << 32) + int(low[last] - low[first])
            if total:
                yield name, max(-MOST - 1, min(MOST, total))
        for values, known in self._examples:
            if known[first] < last:
                yield "example", str(values[int(known[first])])
                break
        yield "first", self._text(first)
        yield "last", self._text(last - 1)

    def ids(self, first: int, last: int) -> tuple[str, ...]:
        return tuple(self._ids.slice(first, min(last - first, MAX_EVENTS)))

    def _text(self, row: int) -> str:
        return (EPOCH + int(self._times[row]) * MICROSECOND).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows `first` to before `last` of the evidence."""

    evidence: Evidence
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first

    def facts(self) -> dict[str, Fact]:
        """What the events say: sums that are not 0, an example, the first and the last time."""
        return dict(self.evidence.facts(self.first, self.last))

    def ids(self) -> tuple[str, ...]:
        """Their ids, `MAX_EVENTS` at most."""
        return self.evidence.ids(self.first, self.last)


def _days(days: pl.Series) -> Places:
    return days.to_physical().cast(pl.Int64).to_numpy() + EPOCH.toordinal()


def _prefix(values: pl.Series) -> tuple[Places, Places]:
    """Running sums of the high and the low 32 bits, which never overflow."""
    whole = values.fill_null(0).to_numpy()
    return _running(whole >> 32), _running(whole & LOW)


def _running(values: Places) -> Places:
    return np.concatenate([[0], np.cumsum(values)])


def _next_known(values: pl.Series) -> Places:
    """For each row, the next one with a value, it or after it; behind the last row where there is none."""
    rows = pl.DataFrame({"value": values}).with_row_index("row")
    known = pl.when(pl.col("value").is_not_null()).then(pl.col("row").cast(pl.Int64)).backward_fill()
    return rows.select(known.fill_null(values.len()).alias("row"))["row"].to_numpy()
