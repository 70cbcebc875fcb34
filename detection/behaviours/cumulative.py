"""A little every day: a change of the daily series, against the person's own days before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from math import ceil
from typing import Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from core.errors import RuleError
from detection.behaviours.base import FOUND, Scene, counted
from detection.behaviours.little import Little
from detection.behaviours.runs import Floats, Part, Runs, best_runs
from detection.behaviours.series import ACTIVE, Series, amount_of, begun, remembered, so_far
from detection.totals import Total, added, together
from detection.windows import TIME

HELD = {
    "person.id": pl.String(),
    "day": pl.Date(),
    "began": pl.Date(),
    "needed": pl.Float64(),
    "observed": pl.Float64(),
    "limit": pl.Float64(),
    "own_usual": pl.Float64(),
    "peers_usual": pl.Float64(),
    "days": pl.Int64(),
}
ROUNDING = 1e-9


class Cumulative(Little):
    """A cumulative sum (CUSUM) over calendar days: how far the last days, few or many, go beyond what the days before
    them let expect.

    Of a run of days, S = sum(min(x, cap) - usual - allowance), the largest over all runs that end that day; this is
    Page's CUSUM (E. S. Page, Biometrika 41, 1954; NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.3), its start
    unknown as in a test for a change point. `usual` is the mean of the working days among the `history` before the run,
    without days after a notice, or what colleagues of the same post have on average, whichever is more; where the own
    history is too short, what the busiest of them has. Days off have a mean of their own. The allowance is half the
    least change worth finding: a quarter of `a_day`, or the usual again. The cap, `a_day` or three times the usual,
    keeps single days from counting: at `limit` = 3 times `a_day` no run shorter than four working days is found.
    Whoever does more is held to as much more.

    x is the events of a day, the sum of `field` where it is a number, else how many distinct values it had.
    """

    type: Literal["cumulative"]
    rules: tuple[str, ...] = Field(min_length=1)
    field: str | None = None
    a_day: float = Field(gt=0, allow_inf_nan=False)

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
    def summed(self) -> tuple[str, ...]:
        return added([self.field])

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        whole = together(totals.values())
        # No day counts for more than its cap, so there are as many days as caps in the limit.
        days = ceil(self.limit / self.a_day) - 2
        return whole.most(self.field) >= self.limit and whole.age >= timedelta(days=days)

    def find(self, scene: Scene) -> pl.DataFrame:
        keys = ["person.id", "day"]
        daily = scene.events.group_by(keys).agg(amount_of(self.field).alias("amount"), ACTIVE).sort(keys)
        daily = remembered(daily, scene)
        if not daily.height:
            return pl.DataFrame(schema=FOUND)
        found = [self._person(own, scene) for own in daily.partition_by("person.id", maintain_order=True)]
        return self._timed(scene.events, pl.concat(found))

    def _person(self, own: pl.DataFrame, scene: Scene) -> pl.DataFrame:
        """The days on which it comes to hold: with what of the day it took, the run's first day, and the facts."""
        series = Series.of(own, ["amount"], scene.calendar, quarter_end=self.quarter_end)
        (amount,) = series.amounts
        if series.largest(amount, self.run) < self.limit:
            return pl.DataFrame(schema=HELD)
        # Whoever is not found with nothing usual is not found with more.
        nothing = np.zeros(series.size)
        asked = self._beyond(series, nothing, nothing).beyond >= self._enough
        if not asked.any():
            return pl.DataFrame(schema=HELD)
        usual = partial(scene.company.usual, series.person, self.rules, self.field)
        return self._comes(series, *series.peers(usual, self.history, asked))

    @property
    def _enough(self) -> float:
        """The limit in caps, less what adding up in floating point may lose."""
        return self.limit / self.a_day - ROUNDING

    def _beyond(self, series: Series, peers: Floats, busiest: Floats) -> Runs:
        part = Part(amount=series.amounts[0], a_day=self.a_day, peers=peers, busiest=busiest)
        return best_runs([part], series.days, self.search)

    def _comes(self, series: Series, peers: Floats, busiest: Floats) -> pl.DataFrame:
        (amount,), runs = series.amounts, self._beyond(series, peers, busiest)
        held = runs.beyond >= self._enough
        at = np.flatnonzero(held & series.days.counted & (amount > 0) & ~np.concatenate([[False], held[:-1]]))
        cap, length = runs.cap[0, at], runs.length[at]
        start, total = at - length + 1, np.concatenate([[0.0], np.cumsum(amount)])
        took = np.concatenate([[0], np.cumsum(series.days.working & series.days.counted)])
        days = took[at + 1] - took[start]
        limit = cap * self.limit / self.a_day
        return pl.DataFrame(
            {
                "person.id": [series.person] * len(at),
                "day": (series.first + at).astype("datetime64[D]"),
                "began": (series.first + start).astype("datetime64[D]"),
                "needed": np.minimum(amount[at], cap) - (runs.beyond[at] * cap - limit) - cap * ROUNDING,
                "observed": total[at + 1] - total[start],
                "limit": limit + runs.may[0, at],
                "own_usual": runs.own[0, at],
                "peers_usual": peers[at] * days,
                "days": length,
            },
            schema=HELD,
        ).with_columns(pl.col("own_usual", "peers_usual").fill_nan(None))

    def _timed(self, events: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
        """With the moment on that day at which it came to hold, and the first event of the run."""
        keys = ["person.id", "day"]
        of_day = events.join(held.select(*keys, "needed"), on=keys).sort(TIME, "event.id")
        reached = of_day.filter(so_far(self.field, keys) >= pl.col("needed")).group_by(keys)
        found = held.join(reached.agg(pl.col(TIME).min().alias("time")), on=keys)
        return found.join(begun(events, held), on=keys).drop("needed", "began")
