"""Which days of the past count as usual, and what kind of day each is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

KIND = "kind"
WIDTH = 1.349
"""Distance of the quartiles of a normal distribution, in standard deviations."""
LAST_DAYS = 7
"""How many days the end of a quarter has."""


def with_kind(rows: pl.DataFrame, working: frozenset[date]) -> pl.DataFrame:
    """Person-days with the kind of day: a working day, one at the end of a quarter, or a day off."""
    day = pl.col("day")
    left = (day.dt.truncate("1q").dt.offset_by("1q") - day).dt.total_days()
    works = day.is_in(pl.Series(sorted(working), dtype=pl.Date).implode())
    kind = pl.when(~works).then(pl.lit("off")).when(left <= LAST_DAYS).then(pl.lit("quarter end"))
    return rows.with_columns(kind.otherwise(pl.lit("working")).alias(KIND))


def counted(rows: pl.DataFrame, frozen: Mapping[str, date]) -> pl.DataFrame:
    """The days that say what is usual: with events, of people who stay, and before the person's first day of notice or
    suspicion (`frozen`). A day on which somebody was away is no day of nothing."""
    since = pl.col("person").replace_strict(frozen, default=None, return_dtype=pl.Date)
    stays = (pl.col("stage") == "active") & (since.is_null() | (pl.col("day") < since))
    return rows.filter((pl.col("events") > 0) & stays)
