"""Sliding windows by columns: what (t - span, t] holds at every event, found by position instead of by search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

TIME = "@timestamp"
STAGE_THEN = "leaver.stage_then"
"""The stage as of the event, also where a look back sees the event as if a notice had been known."""
A_DAY = timedelta(days=1)
LOW = np.int64(0xFFFF_FFFF)
MOST = (1 << 63) - 1
LARGEST = float(1 << 53)
MILLION = 1_000_000

Places = NDArray[np.int64]
"""Row numbers of a frame."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is asked of a window: how many events, the sum, average or a percentile of a field's values, how many
    distinct values (of several fields: combinations), or the share in percent that the event's own value has."""

    kind: str
    fields: tuple[str, ...] = ()
    percentile: float | None = None

    @property
    def field(self) -> str | None:
        """The field, where there is one."""
        return self.fields[0] if self.fields else None


@dataclass(frozen=True, slots=True)
class Windows:
    """The window at each row of a frame sorted by group and time: rows `start` to before `end`. Equal times are seen
    together. `group` numbers the groups."""

    group: Places
    start: Places
    end: Places
    span: timedelta

    @classmethod
    def of(cls, events: pl.DataFrame, groups: Sequence[str], span: timedelta) -> Windows:
        group = runs(events, groups)
        times = moments(events)
        ranks = np.unique(np.concatenate([times, times - span // timedelta(microseconds=1)]), return_inverse=True)[1]
        wide = np.int64(len(ranks) + 1)
        keys = group * wide + ranks[: len(times)]
        before = group * wide + ranks[len(times) :]
        return cls(group, np.searchsorted(keys, before, "right"), np.searchsorted(keys, keys, "right"), span)

    def within(self, part: Places) -> Windows:
        """The same windows, none of which begins before the part (a number that runs with the rows) of its row."""
        first = np.searchsorted(part, part, "left")
        return Windows(part, np.maximum(self.start, first), self.end, self.span)

    def kept(self, rows: NDArray[np.bool_]) -> Windows:
        """The windows of these rows, which are whole groups, once the others are gone."""
        place = np.concatenate([[0], np.cumsum(rows)])
        return Windows(self.group[rows], place[self.start[rows]], place[self.end[rows]], self.span)


def runs(events: pl.DataFrame, keys: Sequence[str]) -> Places:
    """A number for each row from 0 that grows by one wherever any of the columns changes."""
    changes = pl.any_horizontal(pl.col(key).ne_missing(pl.col(key).shift(1)) for key in keys)
    found = _ints(events.select(changes.cast(pl.Int64).cum_sum().alias("run"))["run"])
    return found - found[:1]


def moments(events: pl.DataFrame) -> Places:
    """The times, in microseconds."""
    return _ints(events[TIME].dt.timestamp("us"))


def window_totals(events: pl.DataFrame, windows: Windows, measure: Measure) -> pl.Series:
    """What each window holds; null where there is nothing to say it of. A sum stops at 2^63 - 1."""
    field = measure.field
    match measure.kind:
        case "value_count":
            return pl.Series("total", _distinct(events, windows, measure.fields))
        case "value_sum" if field is not None:
            return _sums(events[field], windows)
        case "value_avg" if field is not None:
            return _averages(events[field], windows)
        case "value_percentile" | "value_median" if field is not None and measure.percentile is not None:
            return _percentiles(events, windows, field, measure.percentile)
        case "value_percentile" if field is not None:
            return _shares(events[field], windows)
        case _:
            return pl.Series("total", windows.end - windows.start)


def _distinct(events: pl.DataFrame, windows: Windows, fields: Sequence[str]) -> Places:
    """An event counts from its time until it leaves the window or its value comes again, whichever is earlier."""
    values = events.select(fields)
    known = values.drop_nulls().unique().with_row_index("code")
    code = values.join(known, on=list(fields), how="left", maintain_order="left")["code"].cast(pl.Int64)
    here = code.is_not_null().to_numpy()
    comes_again = _next(windows.group * np.int64(known.height + 1) + _ints(code.fill_null(known.height)))
    alike = np.append(np.searchsorted(windows.end, windows.end, "left"), events.height)
    came = alike[:-1][here]
    leaves = np.searchsorted(windows.start, np.flatnonzero(here), "right")
    change = np.zeros(events.height + 1, np.int64)
    np.add.at(change, came, 1)
    np.add.at(change, np.minimum(leaves, alike[comes_again[here]]), -1)
    return np.cumsum(change[:-1])


def _next(keys: Places) -> Places:
    """The next row of the same key, behind the last row where there is none."""
    order = np.argsort(keys, kind="stable")
    found = np.full(len(keys), len(keys))
    same = keys[order][1:] == keys[order][:-1]
    found[order[:-1][same]] = order[1:][same]
    return found


def _sums(values: pl.Series, windows: Windows) -> pl.Series:
    if values.dtype == pl.Float64():
        return pl.Series("total", _decimals(values, windows))
    high, low = _halves(values, windows)
    whole = (high << 32) + low
    whole[high > MOST >> 32] = MOST
    whole[high < -(MOST >> 32) - 1] = -MOST - 1
    return pl.Series("total", whole)


def _averages(values: pl.Series, windows: Windows) -> pl.Series:
    known = _between(values.is_not_null().to_numpy().astype(np.int64), windows)
    if values.dtype == pl.Float64():
        sums = pl.Series(_decimals(values, windows))
    else:
        high, low = _halves(values, windows)
        sums = pl.Series(high.astype(np.float64) * float(1 << 32) + low)
    return pl.select(pl.when(pl.lit(known > 0)).then(sums / pl.Series(known)).alias("total"))["total"]


def _percentiles(events: pl.DataFrame, windows: Windows, field: str, percentile: float) -> pl.Series:
    """By nearest rank: the smallest value that at least so many percent do not exceed. Ranks stand for the values, so
    that no digit of a large number is lost."""
    known = events[field].drop_nulls().unique().sort()
    # Just below the share, so that rounding in n * share never reaches the next rank.
    share = max(0.0, percentile / 100 - 1e-12)
    ranks = events.select(pl.col(TIME), pl.col(field).rank("dense").alias("rank"), pl.Series("run", windows.group))
    rank = pl.col("rank").rolling_quantile_by(
        TIME, windows.span, quantile=share, interpolation="equiprobable", min_samples=1
    )
    return known.gather(ranks.select(rank.over("run").cast(pl.Int64) - 1)["rank"])


def _shares(values: pl.Series, windows: Windows) -> pl.Series:
    known = _between(values.is_not_null().to_numpy().astype(np.int64), windows)
    code = _ints(values.rank("dense").cast(pl.Int64).fill_null(0))
    wide = np.int64(len(code) + 1)
    keys = np.sort(code * wide + np.arange(len(code)))
    first, last = (np.searchsorted(keys, code * wide + edge, "left") for edge in (windows.start, windows.end))
    share = pl.Series(100 * (last - first)) / pl.Series(known)
    return pl.select(pl.when(pl.lit(values.is_not_null())).then(share).alias("total"))["total"]


def _halves(values: pl.Series, windows: Windows) -> tuple[Places, Places]:
    """The sum in each window as high and low 32 bits, which never overflow on the way."""
    whole = _ints(values.fill_null(0))
    high, low = _between(whole >> 32, windows), _between(whole & LOW, windows)
    return high + (low >> 32), low & LOW


def _decimals(values: pl.Series, windows: Windows) -> NDArray[np.float64]:
    """The sum in each window of numbers below `LARGEST`, exact to the sixth decimal: what leaves a window leaves no
    trace."""
    given = values.fill_null(0).to_numpy()
    whole = np.floor(given)
    millionths = _between(np.round((given - whole) * MILLION).astype(np.int64), windows)
    high, low = _halves(pl.Series(whole.astype(np.int64)), windows)
    return high.astype(np.float64) * float(1 << 32) + (low + millionths / MILLION)


def _between(weights: Places, windows: Windows) -> Places:
    """The sum of the weights in each window."""
    running = np.concatenate([[0], np.cumsum(weights)])
    found: Places = running[windows.end] - running[windows.start]
    return found


def _ints(values: pl.Series) -> Places:
    return np.asarray(values.to_numpy(), dtype=np.int64)
