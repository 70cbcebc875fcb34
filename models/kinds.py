"""What kind of day each is: what is usual at the end of a quarter or on a day off is not what is usual else."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

WORKING, QUARTER_END, OFF = "working", "quarter end", "off"
KINDS = (WORKING, QUARTER_END, OFF)
LAST_DAYS = 7
"""How many days the end of a quarter has."""


def kinds(days: pl.Series, working: Collection[date]) -> pl.Series:
    """The kind of each day: a working day, one at the end of a quarter, or a day off."""
    day = pl.col("day")
    left = (day.dt.truncate("1q").dt.offset_by("1q") - day).dt.total_days()
    off = ~day.is_in(pl.Series(sorted(working), dtype=pl.Date).implode())
    kind = pl.when(off).then(pl.lit(OFF)).when(left <= LAST_DAYS).then(pl.lit(QUARTER_END)).otherwise(pl.lit(WORKING))
    return days.alias("day").to_frame().select(kind.alias("kind")).to_series()
