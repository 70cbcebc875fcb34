"""What is usual for a person: the own past, shrunk towards the peers where there is little of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from models.baseline_days import KIND, WIDTH, counted
from models.peers import usual_of

DAYS = 60
"""Days with events, of the same kind, that the own usual is made of."""
LAG = 14
"""Days before a day that do not count for it, so that what grows slowly does not make itself usual."""
PRIOR = 10
"""Own days at which the own past weighs as much as the peers."""


@dataclass(frozen=True, slots=True)
class Expected:
    """For each row, in order, and each feature: the centre and the spread; null where nothing is known. A spread may
    be 0 where somebody always does the same."""

    centre: pl.DataFrame
    spread: pl.DataFrame


def expected(
    rows: pl.DataFrame, peers: pl.DataFrame, names: Sequence[str], frozen: Mapping[str, date], *, lag: int = LAG
) -> Expected:
    """What to expect of each row (`with_kind`), from `peers_usual` and from the person's own days in `rows`, which hold
    each of their persons whole, so persons may come some at a time.

    The own usual is the median, and its spread the distance of the quartiles, of the last `DAYS` days that count, of
    the same kind (working day, end of a quarter, day off), more than `lag` days before, and before notice or suspicion.
    With n such days it weighs n / (n + `PRIOR`), the peers' usual the rest: the credibility of H. Bühlmann, *Experience
    rating and credibility*, ASTIN Bulletin 4, 1967. Spreads are mixed as squares.
    """
    own = _own(rows, names, frozen, lag)
    theirs = usual_of(rows, peers, names)
    n = own["n"].fill_null(0)
    weight = n / (n + PRIOR)
    spreads = [f"{name} spread" for name in names]
    centre = [_mixed(own[name], theirs[name], weight) for name in names]
    squares = [_mixed(own[name] ** 2, theirs[name] ** 2, weight).sqrt() for name in spreads]
    return Expected(
        pl.DataFrame([one.alias(name) for one, name in zip(centre, names, strict=True)]),
        pl.DataFrame([one.alias(name) for one, name in zip(squares, names, strict=True)]),
    )


def _mixed(own: pl.Series, theirs: pl.Series, weight: pl.Series) -> pl.Series:
    """Both by weight; where one is not known, the other."""
    frame = pl.DataFrame([own.alias("own"), theirs.alias("theirs"), weight.alias("weight")])
    both = pl.col("own") * pl.col("weight") + pl.col("theirs") * (1 - pl.col("weight"))
    return frame.select(pl.coalesce(both, "own", "theirs")).to_series()


def _own(rows: pl.DataFrame, names: Sequence[str], frozen: Mapping[str, date], lag: int) -> pl.DataFrame:
    keys = ["person", KIND]
    days = counted(rows, frozen).sort(*keys, "day")

    def rolled(name: str) -> list[pl.Expr]:
        column = pl.col(name)
        low, high = (column.rolling_quantile(q, "linear", window_size=DAYS, min_samples=1) for q in (0.25, 0.75))
        middle = column.rolling_median(window_size=DAYS, min_samples=1)
        return [middle.over(keys), ((high - low) / WIDTH).over(keys).alias(f"{name} spread")]

    usual = days.select(
        *keys,
        "day",
        pl.int_range(1, pl.len() + 1).over(keys).clip(upper_bound=DAYS).cast(pl.Float64).alias("n"),
        *(expression for name in names for expression in rolled(name)),
    )
    since = pl.col("person").replace_strict(frozen, default=None, return_dtype=pl.Date)
    until = pl.min_horizontal(pl.col("day") - timedelta(days=lag + 1), since - timedelta(days=1))
    asked = rows.select(*keys, until.alias("day")).with_row_index("row").sort("day")
    joined = asked.join_asof(usual.sort("day"), on="day", by=keys, check_sortedness=False)
    return joined.sort("row").drop("row", "day", *keys)
