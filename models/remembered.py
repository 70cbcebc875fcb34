"""What person-days hold as it is kept: two frames of numbers, and as much of the past as some days' rows depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from models.daily import WHOLE, Daily
from models.hows import MEMORY

SLOTS, STEPS = 100, 101
"""What stands where values have their kind, in the frame of all that is remembered of a day."""


def as_long(daily: Daily, persons: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Days with what is counted, and everything that is remembered in one frame; persons by numbers of their own."""
    who = pl.col("who").replace_strict(range(len(persons)), pl.Series(persons, dtype=pl.UInt64), return_dtype=pl.UInt64)
    remembered = [
        (daily.values, pl.col("kind"), pl.col("value"), pl.lit(1)),
        (daily.slots, pl.lit(SLOTS), pl.col("slot"), pl.col("n")),
        (daily.steps, pl.lit(STEPS), pl.col("step"), pl.col("n")),
    ]
    parts = [
        frame.select(
            who.alias("who"),
            kind.cast(pl.Int16).alias("kind"),
            key.cast(pl.UInt64).alias("key"),
            n.cast(WHOLE).alias("n"),
            "day",
        )
        for frame, kind, key, n in remembered
    ]
    return daily.days.with_columns(who.alias("who")), pl.concat(parts)


def shortened(more: pl.LazyFrame, first: int, last: int) -> pl.LazyFrame:
    """What is remembered, as `as_long` gives it, with all before `first` added up or left out that no row of the days
    from `first` to `last` can tell apart: of a value the last time it was seen; of an hour or a step, what all of these
    days look back on together. `days` says how many days that is."""
    day, is_value = pl.col("day"), pl.col("kind") < SLOTS
    apart = pl.when(day >= first).then(day).when(is_value | (day >= last - MEMORY)).then(first - 1).otherwise(day)
    added = pl.col("n").sum(), pl.len().cast(WHOLE).alias("days"), day.max()
    kept = more.filter(is_value | (day >= first - MEMORY))
    return kept.group_by("who", "kind", "key", apart.alias("apart")).agg(added).drop("apart")


def as_daily(days: pl.DataFrame, more: pl.DataFrame, places: Mapping[int, int]) -> Daily:
    """The way back from what is `shortened`, of the persons in `places`."""
    held, remembered = _placed(days, places), _placed(more, places)

    def of(kind: pl.Expr, *columns: pl.Expr | str) -> pl.DataFrame:
        return remembered.filter(kind).select("who", "day", *columns)

    key = pl.col("key")
    part = Daily(
        days=held,
        values=of(pl.col("kind") < SLOTS, pl.col("kind").cast(WHOLE), key.alias("value")),
        slots=of(pl.col("kind") == SLOTS, key.cast(WHOLE).alias("slot"), "n", "days"),
        steps=of(pl.col("kind") == STEPS, key.cast(WHOLE).alias("step"), "n"),
    )
    return Daily.together([part])


def _placed(frame: pl.DataFrame, places: Mapping[int, int]) -> pl.DataFrame:
    table = pl.DataFrame(
        {"who": list(places.keys()), "place": list(places.values())}, schema={"who": pl.UInt64(), "place": WHOLE}
    )
    joined = frame.join(table, on="who", how="inner")
    return joined.with_columns(pl.col("place").alias("who")).drop("place")
