"""Sliding windows by columns: sums and distinct counts over (t - span, t] at every event, and orders of events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

TIME = "@timestamp"
STAGE_THEN = "leaver.stage_then"
"""The stage as of the event, also where a look back sees the event as if a notice had been known."""
A_DAY = timedelta(days=1)


def window_totals(
    events: pl.DataFrame, groups: Sequence[str], value: str | None, kind: str, span: timedelta
) -> pl.Series:
    """The window total at each row of `events`: how many events, the sum of `value`, or how many distinct ones.

    An event weighs from its time until it leaves the window; for distinct counts until its value comes again, if that
    is earlier. Totals are then running sums of weights coming and going: O(n log n), equal times seen together.
    """
    weight = _weight(value, kind)
    leaves = pl.col(TIME) + span
    if kind == "value_count" and value is not None:
        again = pl.col(TIME).shift(-1).over([*groups, value], order_by=TIME)
        leaves = pl.min_horizontal(leaves, again)
    moves = events.select(*groups, TIME, weight.alias("comes"), leaves.alias("leaves"))
    changes = pl.concat(
        [
            moves.select(*groups, pl.col(TIME), pl.col("comes").alias("change")),
            moves.select(*groups, pl.col("leaves").alias(TIME), -pl.col("comes").alias("change")),
        ]
    )
    running = (
        changes.group_by(*groups, TIME)
        .agg(pl.col("change").sum())
        .sort(TIME)
        .with_columns(pl.col("change").cum_sum().over(groups).alias("total"))
    )
    return events.select(*groups, TIME).join(
        running, on=[*groups, TIME], how="left", nulls_equal=True, maintain_order="left"
    )["total"]


def latest_chain(events: pl.DataFrame, groups: Sequence[str], rules: Sequence[str], *, ordered: bool) -> pl.Series:
    """At each row, the latest start of a run of events that holds all `rules` (in their order, if `ordered`) and ends
    there; null where there is none. `events` has one row per event and rule (column `rule`), sorted by group and time.
    """
    here = pl.col("rule")
    if not ordered:
        lasts = [pl.when(here == rule).then(pl.col(TIME)).forward_fill().over(groups) for rule in rules]
        start = pl.when(pl.all_horizontal(last.is_not_null() for last in lasts)).then(pl.min_horizontal(lasts))
        return events.select(start.alias("start"))["start"]
    frame = events.with_columns(pl.when(here == rules[0]).then(pl.col(TIME)).alias("start"))
    for rule in rules[1:]:
        before = pl.col("start").forward_fill().shift(1).over(groups)
        frame = frame.with_columns(pl.when(here == rule).then(before).alias("start"))
    return frame["start"]


def _weight(value: str | None, kind: str) -> pl.Expr:
    if kind == "value_sum" and value is not None:
        return pl.col(value).fill_null(0)
    if kind == "value_count" and value is not None:
        return pl.col(value).is_not_null().cast(pl.Int64)
    return pl.lit(1, pl.Int64)
