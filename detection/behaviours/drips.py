"""A little of everything: changes of several daily series in the same days, each too small or too new alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, Self

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.errors import RuleError
from detection.behaviours.base import FOUND, Scene, counted
from detection.behaviours.little import Little
from detection.behaviours.runs import Bools, Floats, Part, Runs, best_runs
from detection.behaviours.series import ACTIVE, Series, amount_of, begun, remembered, so_far
from detection.totals import Total, added, together
from detection.windows import TIME

KEYS = ["person.id", "day"]
HELD = {
    "person.id": pl.String(),
    "day": pl.Date(),
    "began": pl.Date(),
    "observed": pl.Float64(),
    "limit": pl.Float64(),
    "days": pl.Int64(),
    "kinds": pl.String(),
    "before": pl.List(pl.Float64()),
    "caps": pl.List(pl.Float64()),
}
ROUNDING = 1e-9
LEAST_KINDS = 2


class Kind(BaseModel):
    """One kind of thing of which a little is taken, as in `cumulative`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rules: tuple[str, ...] = Field(min_length=1)
    field: str | None = None
    a_day: float = Field(gt=0, allow_inf_nan=False)

    def most(self, totals: Mapping[str, Total]) -> float:
        """The most portions that somebody with these totals by rule can have taken."""
        return together(totals[name] for name in self.rules if name in totals).most(self.field) / self.a_day


class Drips(Little):
    """Of runs of days, the sum over the kinds of what each goes beyond its usual, in portions: a portion is the most of
    one kind that one day counts for (see `cumulative`). A kind that stays below its usual takes nothing away. At least
    two kinds have a portion each, and one day alone never suffices.

    Sums of local CUSUM statistics are the scheme for many streams of Y. Mei, *Efficient scalable schemes for monitoring
    a large number of data streams*, Biometrika 97, 2010.
    """

    type: Literal["drips"]
    kinds: Mapping[str, Kind] = Field(min_length=2, max_length=8)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for kind in self.kinds.values():
            counted(kind.field)
        if self.limit < len(self.kinds):
            raise RuleError("behaviour: `limit` is at least the number of kinds, or single days are found")
        return self

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for kind in self.kinds.values() for rule in kind.rules))

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(kind.field for kind in self.kinds.values() if kind.field)

    @property
    def unit(self) -> str:
        return "portions"

    @property
    def summed(self) -> tuple[str, ...]:
        return added(kind.field for kind in self.kinds.values())

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        portions = [kind.most(totals) for kind in self.kinds.values()]
        return sum(portions) >= self.limit and sum(own >= 1 for own in portions) >= LEAST_KINDS

    def find(self, scene: Scene) -> pl.DataFrame:
        events = {name: self._events(kind, scene) for name, kind in self.kinds.items()}
        daily = [
            rows.group_by(KEYS).agg(amount_of(self.kinds[name].field).alias(name)).select(*KEYS, name)
            for name, rows in events.items()
        ]
        whole = scene.events.group_by(KEYS).agg(ACTIVE)
        for frame in daily:
            whole = whole.join(frame, on=KEYS, how="left")
        days = remembered(whole.fill_null(0.0).sort(KEYS), scene)
        if not days.height:
            return pl.DataFrame(schema=FOUND)
        held = pl.concat(self._person(own, scene) for own in days.partition_by("person.id", maintain_order=True))
        return self._timed(scene.events, events, held)

    def _events(self, kind: Kind, scene: Scene) -> pl.DataFrame:
        return pl.concat(scene.hits[name] for name in kind.rules).unique("event.id").sort(TIME, "event.id")

    def _person(self, own: pl.DataFrame, scene: Scene) -> pl.DataFrame:
        """The days on which it comes to hold: the run's first day, the facts, and of each kind what had come together
        before that day, in portions, and its cap."""
        series = Series.of(own, list(self.kinds), scene.calendar, quarter_end=self.quarter_end)
        size = np.array([[kind.a_day] for kind in self.kinds.values()])
        most = np.minimum(series.amounts / size, 1.0).sum(axis=0)
        if series.largest(most, self.run) < self.limit:
            return pl.DataFrame(schema=HELD)
        nothing = np.zeros((len(self.kinds), series.size))
        asked = self._holds(self._beyond(series, nothing, nothing))
        if not asked.any():
            return pl.DataFrame(schema=HELD)
        usual = scene.company.usual
        peers = [
            series.peers(partial(usual, series.person, kind.rules, kind.field), self.history, asked)
            for kind in self.kinds.values()
        ]
        middle, busiest = (np.array(of) for of in zip(*peers, strict=True))
        return self._comes(series, self._beyond(series, middle, busiest))

    def _beyond(self, series: Series, peers: Floats, busiest: Floats) -> Runs:
        parts = [
            Part(amount=amount, a_day=kind.a_day, peers=middle, busiest=most)
            for amount, kind, middle, most in zip(series.amounts, self.kinds.values(), peers, busiest, strict=True)
        ]
        return best_runs(parts, series.days, self.search)

    def _holds(self, runs: Runs) -> Bools:
        several: Bools = (runs.each >= 1).sum(axis=0) >= LEAST_KINDS
        return several & (runs.beyond >= self.limit - ROUNDING)

    def _comes(self, series: Series, runs: Runs) -> pl.DataFrame:
        held, there = self._holds(runs), (series.amounts > 0).any(axis=0)
        at = np.flatnonzero(held & series.days.counted & there & ~np.concatenate([[False], held[:-1]]))
        today = np.minimum(series.amounts[:, at], runs.cap[:, at]) / runs.cap[:, at]
        strong = [[name for name, own in zip(self.kinds, runs.each[:, day], strict=True) if own >= 1] for day in at]
        return pl.DataFrame(
            {
                "person.id": [series.person] * len(at),
                "day": (series.first + at).astype("datetime64[D]"),
                "began": (series.first + at - runs.length[at] + 1).astype("datetime64[D]"),
                "observed": runs.beyond[at],
                "limit": [self.limit] * len(at),
                "days": runs.length[at],
                "kinds": [", ".join(names) for names in strong],
                "before": (runs.each[:, at] - today).T.tolist(),
                "caps": runs.cap[:, at].T.tolist(),
            },
            schema=HELD,
        )

    def _timed(self, whole: pl.DataFrame, events: Mapping[str, pl.DataFrame], held: pl.DataFrame) -> pl.DataFrame:
        """With the moment on that day at which it came to hold, and the first event of the run."""
        rows = pl.concat(
            frame.join(held.select(KEYS), on=KEYS, how="semi").select(
                *KEYS, TIME, "event.id", pl.lit(place).alias("kind"), so_far(self.kinds[name].field, KEYS).alias("n")
            )
            for place, (name, frame) in enumerate(events.items())
        ).sort(TIME, "event.id", "kind")
        days = {key: frame.select(TIME, "kind", "n").rows() for key, frame in rows.group_by(KEYS, maintain_order=True)}
        times = [
            self._moment(days[person, day], before, caps)
            for person, day, before, caps in held.select(*KEYS, "before", "caps").iter_rows()
        ]
        found = held.with_columns(pl.Series("time", times, whole.schema[TIME]))
        return found.join(begun(whole, held), on=KEYS).drop("before", "caps", "began")

    def _moment(
        self, rows: Sequence[tuple[datetime, int, float]], before: Sequence[float], caps: Sequence[float]
    ) -> datetime:
        """The event at which the portions of a day, on top of those before it, were enough."""
        each = list(before)
        for time, kind, amount in rows:
            each[kind] = before[kind] + min(amount, caps[kind]) / caps[kind]
            several = sum(own >= 1 - ROUNDING for own in each) >= LEAST_KINDS
            if several and sum(own for own in each if own > 0) >= self.limit - 2 * ROUNDING:
                return time
        return rows[-1][0]
