"""What people of one department and title usually have, month by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from models.baseline_days import KIND, WIDTH, counted

BEFORE = 90
"""Days before a month began that make what is usual in it."""
LEAST = 3
"""Of fewer persons nothing is usual."""
GROUPS = (("department", "title"), ("department",), ())
"""Narrowest first: where a group has too few persons the next one speaks."""


def peers_usual(rows: pl.DataFrame, names: Sequence[str], frozen: Mapping[str, date]) -> pl.DataFrame:
    """For each month and kind of day with rows, and each group of at least `LEAST` persons: the median
    of every feature, by its name, and its spread, as `<name> spread`. Only days that count (`counted`) of the `BEFORE`
    days before the month, so a month never says what is usual in itself. `rows` holds all persons."""
    days = counted(rows, frozen)
    months = rows["day"].dt.truncate("1mo").unique().sort().to_list()
    found = [pl.DataFrame(schema=_schema(names))]
    for month in months:
        past = days.filter(pl.col("day").is_between(month - timedelta(days=BEFORE), month - timedelta(days=1)))
        for level, group in enumerate(GROUPS):
            named = past.drop_nulls(group) if group else past
            usual = named.group_by(*group, KIND).agg(
                pl.col("person").n_unique().alias("persons"),
                *(pl.col(name).median() for name in names),
                *(_spread(name) for name in names),
            )
            missing = [pl.lit(None, pl.String).alias(name) for name in GROUPS[0] if name not in group]
            kept = usual.filter(pl.col("persons") >= LEAST).with_columns(
                *missing, pl.lit(month).alias("month"), pl.lit(level, pl.Int64).alias("level")
            )
            found.append(kept.select(*_schema(names)))
    return pl.concat(found)


def usual_of(rows: pl.DataFrame, table: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """For each row, in order, the columns of its narrowest group that is large enough; null where there is none."""
    columns = [*names, *(f"{name} spread" for name in names)]
    asked = rows.select("department", "title", KIND, pl.col("day").dt.truncate("1mo").alias("month"))
    whole: pl.DataFrame | None = None
    for level, group in enumerate(GROUPS):
        keys = [*group, KIND, "month"]
        own = table.filter(pl.col("level") == level).select(*keys, *columns)
        joined = asked.join(own, on=keys, how="left", maintain_order="left").select(columns)
        whole = joined if whole is None else whole.with_columns(pl.coalesce(pl.col(n), joined[n]) for n in columns)
    assert whole is not None  # noqa: S101
    return whole


def _spread(name: str) -> pl.Expr:
    quarters = pl.col(name).quantile(0.75, "linear") - pl.col(name).quantile(0.25, "linear")
    return (quarters / WIDTH).alias(f"{name} spread")


def _schema(names: Sequence[str]) -> dict[str, pl.DataType]:
    numbers = dict.fromkeys([*names, *(f"{name} spread" for name in names)], pl.Float64())
    return {
        "month": pl.Date(),
        "level": pl.Int64(),
        "department": pl.String(),
        "title": pl.String(),
        KIND: pl.String(),
    } | numbers
