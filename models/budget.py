"""So many cases as people can look at: who gets one, and when, for any way of scoring persons."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from core.schema import TIME

SCORES: dict[str, pl.DataType] = {"person": pl.String(), "at": TIME, "score": pl.Float64()}
"""A way of scoring: what it said of a person at a moment, the higher the odder; null and 0 say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a person is known to have done, from its first to its last moment; `last_day` is the person's last working
    day, where there is one."""

    person: str
    start: datetime
    end: datetime
    last_day: date | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Who gets one, the oddest first, and the score that the last of them reached."""

    persons: Sequence[str]
    threshold: float


def allowed(per_1000_and_week: float, persons: int, days: int) -> int:
    """How many cases a budget of so many per 1,000 people and week has room for; one at least."""
    return max(1, int(per_1000_and_week * persons / 1000 * days / 7 + 1e-9))


def records(scores: pl.DataFrame, deeds: Collection[Deed]) -> pl.DataFrame:
    """Of `SCORES` the rows that `cases` and `found` depend on: those above all of the person's before, counted anew
    from the start of a deed on. A person has few, however many days there are."""
    ordered = scores.filter(pl.col("score") > 0).sort("person", "at")
    keys = ["person", _since(deeds)]
    before = pl.col("score").cum_max().shift(1).over(keys)
    return ordered.filter(before.is_null() | (pl.col("score") > before)).select(*SCORES)


def cases(scores: pl.DataFrame, number: int) -> Cases:
    """A case for each of the so many persons whose highest score is highest. Of equal ones those who reached it first,
    so that every way has as many cases as there is room for, and no more. A person has one case, however often the
    score comes back."""
    highest = (
        scores.filter(pl.col("score") > 0)
        .sort("person", "at")
        .group_by("person")
        .agg(pl.col("score").max().alias("highest"), pl.col("at").get(pl.col("score").arg_max()))
        .sort("highest", "at", "person", descending=[True, False, False])
        .head(number)
    )
    return Cases(persons=highest["person"].to_list(), threshold=highest["highest"].min() or 0.0)  # type: ignore[arg-type]


def found(scores: pl.DataFrame, deeds: Collection[Deed], opened: Cases) -> dict[str, datetime]:
    """When each deed was found: the first moment since it began at which its person, who has a case, reached the
    threshold. What was said before the deed does not find it."""
    since = {deed.person: deed.start for deed in deeds if deed.person in set(opened.persons)}
    reached = scores.filter((pl.col("score") >= opened.threshold) & (pl.col("score") > 0) & _since(deeds))
    asked = reached.filter(pl.col("person").is_in(list(since)))
    return dict(asked.group_by("person").agg(pl.col("at").min()).sort("person").iter_rows())


def _since(deeds: Collection[Deed]) -> pl.Expr:
    """Whether a row is not before the deed of its person. Logs are cut to the second."""
    starts: Mapping[str, datetime] = {deed.person: deed.start.replace(microsecond=0) for deed in deeds}
    start = pl.col("person").replace_strict(starts, default=None, return_dtype=TIME)
    return (pl.col("at") >= start).fill_null(False).alias("since")
