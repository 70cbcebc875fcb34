"""What windows hold, against counting by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.windows import MOST, Measure, Windows, window_totals
from tests.detection.conftest import at

Row = tuple[int, str | None, int, int | None]
"""Hour, group, day and value."""
HUGE = st.one_of(st.none(), st.integers(-3, 4), st.sampled_from([2**53 + 1, 2**62, 2**63 - 1, -(2**62), -(2**63)]))
ROWS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["a", "b", None]), HUGE), min_size=1, max_size=40)
MEASURES = [
    Measure("event_count"),
    Measure("value_count", ("v",)),
    Measure("value_count", ("v", "w")),
    Measure("value_sum", ("v",)),
    Measure("value_avg", ("v",)),
    Measure("value_percentile", ("v",), 50),
    Measure("value_percentile", ("v",), 7),
    Measure("value_percentile", ("v",), 100),
    Measure("value_percentile", ("v",), 0),
    Measure("value_percentile", ("v",)),
]


def by_hand(measure: Measure, values: Sequence[int | None], own: int | None) -> float | int | None:
    """The same, slowly and plainly: `w` is whether the value is even."""
    known = sorted(value for value in values if value is not None)
    match measure.kind:
        case "event_count":
            return len(values)
        case "value_count":
            return len(set(known))
        case "value_sum":
            return max(-MOST - 1, min(MOST, sum(known)))
        case "value_avg":
            return float(Fraction(sum(known), len(known))) if known else None
    if measure.percentile is None:
        return None if own is None else 100 * known.count(own) / len(known)
    if not known:
        return None
    return known[max(1, math.ceil(Fraction(str(measure.percentile)) * len(known) / 100)) - 1]


@pytest.mark.parametrize("measure", MEASURES, ids=str)
@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 30))
def test_a_window_holds_what_counting_by_hand_gives(
    measure: Measure, given: list[tuple[int, str | None, int | None]], hours: int
) -> None:
    rows = sorted(given, key=lambda row: (row[1] is not None, row[1] or "", row[0]))
    start, span = at("02T00:00"), timedelta(hours=hours)
    values = [value for _, _, value in rows]
    events = pl.DataFrame(
        {
            "g": pl.Series([group for _, group, _ in rows], dtype=pl.String),
            "day": [hour // 24 for hour, _, _ in rows],
            "@timestamp": [start + timedelta(hours=hour) for hour, _, _ in rows],
            "v": pl.Series(values, dtype=pl.Int64),
            "w": pl.Series([None if value is None else value % 2 for value in values], dtype=pl.Int64),
        }
    )
    windows = Windows.of(events, ["g"], span)
    for one, whole_days in ((windows, False), (windows.within(days_of(events)), True)):
        totals = window_totals(events, one, measure).to_list()
        for (hour, group, own), total in zip(rows, totals, strict=True):
            inside = [
                v
                for h, g, v in rows
                if g == group and hour - hours < h <= hour and (not whole_days or h // 24 == hour // 24)
            ]
            wanted = by_hand(measure, inside, own)
            if measure.kind == "value_avg" and wanted is not None:
                assert total == pytest.approx(wanted, rel=1e-12, abs=1e-12 * 2**64)
            else:
                assert total == wanted


def days_of(events: pl.DataFrame) -> pl.Series:
    from detection.windows import runs

    return runs(events, ["g", "day"])
