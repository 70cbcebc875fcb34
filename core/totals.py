"""Totals of events, put together from parts."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from core.schema import LARGEST, SCHEMA, SMALLEST

DAY = "day"
SINCE, UNTIL = "since", "until"


def whole(
    totals: Sequence[pl.DataFrame], by: Sequence[str], sums: Sequence[str], *, times: bool = False
) -> pl.DataFrame:
    """Totals of parts as one, in order."""
    parts = pl.concat([pl.DataFrame(schema=totals_schema(by, sums, times=times)), *totals], how="vertical_relaxed")
    ends = [pl.col(SINCE).min(), pl.col(UNTIL).max()] if times else []
    added = parts.group_by(by).agg(pl.exclude(*by, SINCE, UNTIL).sum(), *ends)
    return added.with_columns(pl.col(name).clip(SMALLEST, LARGEST).cast(pl.Int64) for name in sums).sort(by)


def totals_schema(by: Sequence[str], sums: Sequence[str], *, times: bool = False) -> dict[str, pl.DataType]:
    keys = {name: pl.Date() if name == DAY else pl.String() for name in by}
    numbers = {"events": pl.Int64()} | dict.fromkeys(sums, pl.Int128())
    return keys | numbers | (dict.fromkeys((SINCE, UNTIL), SCHEMA["@timestamp"]) if times else {})
