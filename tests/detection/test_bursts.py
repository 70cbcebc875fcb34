"""Correlations over records of a file: bursts as a plain reading finds them, read in one piece or in many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.bursts import Burst, Span, bursts, reach
from detection.filerules import FileRules
from detection.windows import Measure
from tests.detection.test_window_totals import by_hand

MINUTES = 5
BASES = """
title: A
name: a
logsource: {product: windows}
detection: {s: {X: a}, condition: s}
---
title: B
name: b
logsource: {product: windows}
detection: {s: {X: b}, condition: s}
"""
COUNTED: dict[str, tuple[str, str, str, Callable[[Any], bool]]] = {
    "count": ("event_count", "a, b", "gte: 3", lambda total: total >= 3),
    "few": ("event_count", "a", "lte: 2", lambda total: total <= 2),
    "values": ("value_count", "a", "field: much, gte: 2", lambda total: total >= 2),
    "total": ("value_sum", "a", "field: much, gte: 1.3", lambda total: total >= Fraction("1.3")),
    "mean": ("value_avg", "a, b", "field: much, lt: 0.25", lambda total: total is not None and total < 0.25),
    "half": ("value_percentile", "a, b", "field: much, percentile: 50, gte: 1", lambda total: total and total >= 1),
}
OTHERS = {
    "both": ("temporal", "a, b", ""),
    "then": ("temporal_ordered", "a, b", ""),
    "after": ("temporal_ordered", "count, a", ""),
    "again": ("event_count", "count", "gte: 2"),
}
ROWS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["x", "y", None]),
        st.sampled_from(["0.125", "0.25", "1", "7.5", "-3", None]),
    ),
    max_size=25,
)
Row = tuple[int, str, str | None, str | None]
"""Minute, rule, who and how much."""


def window(name: str, kind: str, rules: str, condition: str) -> str:
    more = f", condition: {{{condition}}}" if condition else ""
    told = f"type: {kind}, rules: [{rules}], timespan: {MINUTES}m, group-by: [who]{more}"
    return f"---\ntitle: {name}\nname: {name}\ncorrelation: {{{told}}}\n"


NAMES = {**{name: told[:3] for name, told in COUNTED.items()}, **OTHERS}
RULES = FileRules.of({"r.yml": BASES + "".join(window(name, *told) for name, told in NAMES.items())})


def at(minute: int) -> datetime:
    return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=minute)


def frame(rows: Sequence[tuple[int, Row]]) -> pl.DataFrame:
    schema: dict[str, Any] = {"event.id": pl.Int64, "@timestamp": pl.Datetime("us", "UTC")}
    schema |= {"rule.matched": pl.List(pl.String), "=who": pl.String, "=much": pl.String, "#much": pl.Float64}
    told = [(n, at(minute), [rule], who, much, much and float(much)) for n, (minute, rule, who, much) in rows]
    return pl.DataFrame(told, schema=schema, orient="row")


def found(name: str, rows: Sequence[Row], edges: Sequence[int] = (0, 60)) -> list[Burst]:
    rule = RULES.rules[name]
    numbered = list(enumerate(rows, 1))
    spans = [
        Span(
            at(since),
            at(until),
            frame([row for row in numbered if at(since) - reach(rule) < at(row[1][0]) < at(until)]),
        )
        for since, until in pairwise(edges)
    ]
    return sorted(bursts(rule, RULES.rules, spans), key=lambda burst: (burst.time, burst.record))


def test_the_rules_of_these_tests_run() -> None:
    assert not RULES.refused
    assert RULES.rules.keys() == {"a", "b", *NAMES}


@pytest.mark.parametrize("name", COUNTED)
@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_a_burst_lasts_while_the_window_holds(name: str, rows: list[Row]) -> None:
    kind, bases, condition, holds = COUNTED[name]
    measure = Measure(kind, ("much",) if "field" in condition else (), 50 if "percentile" in condition else None)
    looked_at = sorted((row[0], n) for n, row in enumerate(rows, 1) if row[1] in bases.split(", "))
    wanted: list[list[Any]] = []
    for who in ("x", "y", None):
        going: tuple[int, int] | None = None
        own = [(minute, n) for minute, n in looked_at if rows[n - 1][2] == who]
        for minute, number in own:
            inside = [n for m, n in own if minute - MINUTES < m <= minute]
            texts = [rows[n - 1][3] if measure.fields else "1" for n in inside]
            values: list[Any] = [None if text is None else Fraction(text) for text in texts]
            if not holds(by_hand(measure, values, None)):
                going = None
                continue
            if going is not None and going[1] > minute - MINUTES:
                wanted[-1][3] = minute
            else:
                wanted.append([minute, number, who, minute])
            going = (number, minute)
    told = [[burst.time, burst.record, burst.group["who"], burst.last] for burst in found(name, rows)]
    assert told == [
        [at(first), number, who, at(last)] for first, number, who, last in sorted(wanted, key=lambda one: one[:2])
    ]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(ROWS, st.sets(st.integers(1, 59), max_size=5))
def test_read_in_pieces_the_same_is_found(name: str, rows: list[Row], cuts: set[int]) -> None:
    assert found(name, rows, [0, *sorted(cuts), 60]) == found(name, rows)
