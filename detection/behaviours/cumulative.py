"""A little every day: a change of the daily series, against the person's own days before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field, model_validator

from core.errors import RuleError
from core.schema import SCHEMA
from detection.behaviours.base import FOUND, Behaviour, Scene, counted
from detection.totals import Total, together
from detection.windows import STAGE_THEN, TIME

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
HELD = {
    "person.id": pl.String(),
    "day": pl.Date(),
    "began": pl.Date(),
    "needed": pl.Float64(),
    "observed": pl.Float64(),
    "limit": pl.Float64(),
    "own_usual": pl.Float64(),
    "days": pl.Int64(),
}
ROUNDING = 1e-9
RUSH = 12
"""Calendar days at the end of a quarter in which its last working days lie."""


class Cumulative(Behaviour):
    """A cumulative sum (CUSUM) over calendar days: how far the last days, few or many, go beyond what the days before
    them let expect.

    Of a run of days, S = sum(min(x, cap) - usual - allowance), the largest over all runs that end that day; this is
    Page's CUSUM (E. S. Page, Biometrika 41, 1954; NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.3), its start
    unknown as in a test for a change point. `usual` is the daily mean of the `history` days before the run, without
    days after a notice. The allowance is half the least change worth finding: a quarter of `a_day`, or the usual
    again. The cap, `a_day` or three times the usual, keeps single days from counting: at `limit` = 3 times `a_day` no
    run shorter than four days is found. Whoever does more is held to as much more.

    x is the events of a day, the sum of `field` where it is a number, else how many distinct values it had.
    """

    limit_by: ClassVar[str] = "limit"
    type: Literal["cumulative"]
    rules: tuple[str, ...] = Field(min_length=1)
    field: str | None = None
    a_day: float = Field(gt=0, allow_inf_nan=False)
    limit: float = Field(gt=0, allow_inf_nan=False)
    run: int = Field(default=30, ge=2, le=90)
    history: int = Field(default=60, ge=7, le=300)
    min_history: int = Field(default=10, ge=1, le=90)
    quarter_end: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Self:
        counted(self.field)
        if self.limit < 2 * self.a_day:
            raise RuleError("behaviour: `limit` is at least twice `a_day`, or single days are found")
        return self

    @property
    def bases(self) -> tuple[str, ...]:
        return self.rules

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({self.field} if self.field else ())

    @property
    def unit(self) -> str:
        return self.field or "events"

    @property
    def reach(self) -> int:
        return self.run + self.history + 1

    @property
    def window(self) -> int:
        return self.run

    @property
    def summed(self) -> tuple[str, ...]:
        return (self.field,) if self.field and SCHEMA[self.field].is_numeric() else ()

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        whole = together(totals.values())
        most = whole.sums.get(self.summed[0], 0) if self.summed else whole.events
        return most >= self.limit and whole.age >= timedelta(days=self.min_history)

    def find(self, scene: Scene) -> pl.DataFrame:
        daily = self._daily(scene.events)
        if scene.past:
            known = [] if scene.past.days is None else [scene.past.days.filter(pl.col("day") < scene.past.since)]
            fresh = daily.filter(pl.col("day") >= scene.past.since) if known else daily
            scene.past.days = daily = pl.concat([*known, fresh])
        if not daily.height:
            return pl.DataFrame(schema=FOUND)
        return self._timed(scene.events, self._held(daily))

    def _amount(self) -> pl.Expr:
        if self.field is None:
            return pl.len()
        column = pl.col(self.field)
        return column.sum() if SCHEMA[self.field].is_numeric() else column.drop_nulls().n_unique()

    def _daily(self, events: pl.DataFrame) -> pl.DataFrame:
        return (
            events.group_by("person.id", "day")
            .agg(
                self._amount().cast(pl.Float64).alias("amount"),
                (pl.col(STAGE_THEN).last() == "active").fill_null(True).alias("active"),
            )
            .sort("person.id", "day")
        )

    def _held(self, daily: pl.DataFrame) -> pl.DataFrame:
        """The days on which it comes to hold: with what of the day it took, the run's first day, and the facts."""
        found = [self._person(own) for own in daily.partition_by("person.id", maintain_order=True)]
        return pl.concat(found)

    def _person(self, own: pl.DataFrame) -> pl.DataFrame:
        days = own["day"].to_numpy().astype("datetime64[D]").astype(np.int64)
        first, size = int(days[0]), int(days[-1] - days[0]) + 1
        amount, active = np.zeros(size), np.ones(size, dtype=bool)
        amount[days - first] = own["amount"].to_numpy()
        seen = np.full(size, -1, dtype=np.int64)
        seen[days - first] = days - first
        active[days - first] = own["active"].to_numpy()
        active = active[np.maximum.accumulate(seen)]
        counted = np.ones(size, dtype=bool) if self.quarter_end else ~_rush(first, size)
        total = np.concatenate([[0.0], np.cumsum(amount)])
        if (total[1:] - total[np.maximum(0, np.arange(size) + 1 - self.run)]).max() < self.limit:
            return pl.DataFrame(schema=HELD)
        excess, length, usual, cap, limit = self._runs(amount, active, counted, seen)
        held = excess >= limit
        comes = held & counted & (amount > 0) & ~np.concatenate([[False], held[:-1]])
        at = np.flatnonzero(comes)
        start = at - length[at].astype(np.int64) + 1
        needed = np.minimum(amount[at], cap[at]) - (excess[at] - limit[at]) - ROUNDING
        return pl.DataFrame(
            {
                "person.id": [own["person.id"][0]] * len(at),
                "day": (first + at).astype("datetime64[D]"),
                "began": (first + start).astype("datetime64[D]"),
                "needed": needed,
                "observed": total[at + 1] - total[start],
                "limit": limit[at] + length[at] * (usual[at] + _allowance(usual[at], self.a_day)),
                "own_usual": usual[at] * length[at],
                "days": length[at].astype(np.int64),
            },
            schema=HELD,
        )

    def _runs(self, amount: Floats, active: Bools, counted: Bools, seen: Ints) -> tuple[Floats, ...]:
        """Of each day the run that goes furthest beyond its limit: excess, length, usual, cap, limit."""
        size = len(amount)
        base = active & counted
        sums = np.concatenate([[0.0], np.cumsum(np.where(base, amount, 0.0))])
        counts = np.concatenate([[0], np.cumsum(base)])
        # Whoever was not seen before in the days that bear on a day has no history there.
        later = np.minimum.accumulate(np.where(seen >= 0, seen, size)[::-1])[::-1]
        index = np.arange(size)
        known = later[np.maximum(0, index - self.reach + 2)]
        best = [np.full(size, -np.inf)] + [np.zeros(size) for _ in range(4)]
        best[4][:] = 1.0
        score = np.full(size, -np.inf)
        counts_of = np.concatenate([[0], np.cumsum(counted)])
        for length in range(2, min(self.run, size) + 1):
            begin = index - length + 1
            since = np.maximum(np.maximum(begin - self.history, known), 0)
            valid = (begin >= 0) & (begin - since >= self.min_history)
            here, since = index[valid], since[valid]
            start = begin[valid]
            number = counts[start] - counts[since]
            enough = number >= self.min_history
            here, start, since, number = here[enough], start[enough], since[enough], number[enough]
            usual = (sums[start] - sums[since]) / number
            cap = np.maximum(self.a_day, 3 * usual)
            limit = cap * self.limit / self.a_day
            days = counts_of[start + length] - counts_of[start]
            run = sliding_window_view(np.where(counted, amount, 0.0), length)[start]
            taken = np.minimum(run, cap[:, None]).sum(axis=1)
            excess = taken - days * (usual + _allowance(usual, self.a_day))
            better = excess / limit > score[here]
            chosen = here[better]
            score[chosen] = (excess / limit)[better]
            runs = np.full(len(here), float(length))
            for column, values in zip(best, (excess, runs, usual, cap, limit), strict=True):
                column[chosen] = values[better]
        return tuple(best)

    def _timed(self, events: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
        """With the moment on that day at which it came to hold, and the first event of the run."""
        of_day = events.join(held.select("person.id", "day", "needed"), on=["person.id", "day"]).sort(TIME, "event.id")
        keys = ["person.id", "day"]
        if self.field is None:
            so_far = pl.lit(1).cum_sum().over(keys)
        elif SCHEMA[self.field].is_numeric():
            so_far = pl.col(self.field).fill_null(0).cum_sum().over(keys)
        else:
            so_far = (pl.col(self.field).is_first_distinct() & pl.col(self.field).is_not_null()).cum_sum().over(keys)
        reached = of_day.filter(so_far >= pl.col("needed")).group_by(keys).agg(pl.col(TIME).min().alias("time"))
        runs = held.select("person.id", pl.col("day").alias("of"), "began")
        inside = events.join(runs, on="person.id").filter(pl.col("day").is_between("began", "of"))
        began = inside.group_by("person.id", "of").agg(pl.col(TIME).min().alias("from"))
        found = held.join(reached, on=keys).join(began, left_on=keys, right_on=["person.id", "of"])
        return found.drop("needed", "began")


def _allowance(usual: Floats, a_day: float) -> Floats:
    """Half the least change worth finding."""
    return np.maximum(a_day / 4, usual) / 2


def _rush(first: int, size: int) -> NDArray[np.bool_]:
    """Which days from `first` (days since 1970) on lie at the end of a quarter."""
    days = [date(1970, 1, 1) + timedelta(days=first + number) for number in range(size)]
    return np.array([_left(day) < RUSH for day in days], dtype=bool)


def _left(day: date) -> int:
    """Days to the last day of the quarter."""
    year, month = (day.year + 1, 1) if day.month > 9 else (day.year, (day.month - 1) // 3 * 3 + 4)
    return (date(year, month, 1) - day).days - 1
