"""Runs of events that hold several rules within a span, in their order or in any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detection.bounds import Bounds
from detection.order import Way
from detection.windows import TIME, Places, moments, runs

NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Chains:
    """Events of a frame sorted by group, time and row, one row per event and rule (column `rule`: its place in `rules`;
    `at`: the event). Equal times are seen together: any of them may be thought the later, but an event does not follow
    itself."""

    rules: tuple[str, ...]
    rule: Places
    at: Places
    group: Places
    moment: Places
    times: Places

    @classmethod
    def of(cls, events: pl.DataFrame, groups: Sequence[str], rules: Sequence[str]) -> Chains:
        return cls(
            tuple(rules),
            events["rule"].to_numpy().astype(np.int64),
            events["at"].to_numpy().astype(np.int64),
            runs(events, groups),
            runs(events, [*groups, TIME]),
            moments(events),
        )

    def starts(self, ways: Sequence[Way], span: timedelta, *, ordered: bool) -> Places:
        """At each row, the latest start of a run of events that ends there, holds some of the ways and lies within the
        span; `NEVER` where there is none."""
        best = np.full(len(self.rule), NEVER)
        for way in ways:
            start = self._chain(way.present) if ordered else self._all(way.present)
            missing = [self._last(rule) for rule in sorted(way.absent)]
            start[np.any([self._within(last, span) for last in missing], axis=0)] = NEVER
            best = np.maximum(best, np.where(self._within(start, span), start, NEVER))
        return best

    def counted(self, bounds: Bounds, span: timedelta) -> tuple[Places, NDArray[np.bool_], Places]:
        """At each row, how many of the rules have happened within the span, whether that is within bounds, and since
        when."""
        lasts = np.stack([self._last(rule) for rule in self.rules])
        here = np.stack([self._within(last, span) for last in lasts])
        count = here.sum(axis=0)
        holds = pl.select(bounds.hold(pl.lit(pl.Series(count)), pl.lit(bounds.limit))).to_series().to_numpy()
        return count, holds, np.where(here, lasts, np.iinfo(np.int64).max).min(axis=0)

    def _within(self, start: Places, span: timedelta) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (start > self.times - span // timedelta(microseconds=1)) & (start != NEVER)
        return found

    def _last(self, rule: str) -> Places:
        """When the rule has last happened, at the time of each row."""
        own = self.rule == self.rules.index(rule)
        return self._latest(np.where(own, self.times, NEVER))[self.moment]

    def _all(self, rules: Sequence[str]) -> Places:
        found: Places = np.stack([self._last(rule) for rule in rules]).min(axis=0)
        return found

    def _chain(self, rules: Sequence[str]) -> Places:
        """The latest start of a chain of these rules whose last event is that of the row."""
        first, *others = rules
        start = np.where(self.rule == self.rules.index(first), self.times, NEVER)
        for rule in others:
            start = np.where(self.rule == self.rules.index(rule), self._before(start), NEVER)
        return start

    def _before(self, start: Places) -> Places:
        """At each row, the latest start among chains that end before it, or at the same time in another event."""
        earlier = pl.DataFrame({"group": self._groups(), "latest": self._latest(start)}).select(
            pl.col("latest").shift(1, fill_value=NEVER).over("group")
        )["latest"]
        best = pl.col("start").max().over("moment")
        own = pl.col("start").max().over("moment", "at")
        tied = (pl.col("start") == best).sum().over("moment")
        others = pl.when(pl.col("start") < best).then("start").max().over("moment").fill_null(NEVER)
        same = pl.when((own == best) & (tied == 1)).then(others).otherwise(best)
        rows = pl.DataFrame({"moment": self.moment, "at": self.at, "start": start})
        found: Places = np.maximum(earlier.to_numpy()[self.moment], rows.select(same).to_series().to_numpy())
        return found

    def _latest(self, start: Places) -> Places:
        """The latest start up to each moment, within its group."""
        most = np.full(len(self._groups()), NEVER)
        np.maximum.at(most, self.moment, start)
        found = pl.DataFrame({"group": self._groups(), "most": most}).select(pl.col("most").cum_max().over("group"))
        return found["most"].to_numpy()

    def _groups(self) -> Places:
        """The group of each moment."""
        found: Places = self.group[np.unique(self.moment, return_index=True)[1]]
        return found
