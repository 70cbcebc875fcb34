"""How far a person's days add up: a little more than usual every day is odd in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from models.detector import DIGITS, View
from models.deviation import Own
from models.groups import Groups
from models.table import Bools, Floats, Ints, compressed
from models.usual import Usual

STEP = 2.0**-20
APART = 1 << 24
"""More days than lie between any two dates."""
LEAST = 1.0
"""Below this nothing has grown."""


class Cumulative(Own):
    """How far the person's last days, few or many, add up beyond the own usual: of all runs of at most `run` days that
    end with a day, the largest sum of min(z, cap) - allowance (E. S. Page's CUSUM, Biometrika 41, 1954, with its start
    unknown).

    A day has a score where that reaches a new height: a level, each `growth` times the one below, that none of the
    person's `memory` days before had. Whatever stays as high scores 0, so a ramp is told of as often as it has grown by
    so much. A frame holds the days before those that are asked about, as `looks_back` says."""

    def __init__(
        self,
        *,
        run: int = 60,
        allowance: float = 1.0,
        cap: float = 4.0,
        growth: float = 1.25,
        memory: int = 14,
        least: int = 10,
        chunk: int = 16_384,
    ) -> None:
        super().__init__(least=least, chunk=chunk)
        self.run = run
        self.allowance = allowance
        self.cap = cap
        self.growth = growth
        self.memory = memory

    @property
    def looks_back(self) -> int:
        return self.run - 1 + self.memory

    def score_samples(self, days: pl.DataFrame) -> Floats:
        self._ready(days)
        order = days.select("person", "day").with_row_index("row").sort("person", "day", "row")["row"].to_numpy()
        scores = np.full(days.height, np.nan)
        done = 0
        for some in self._chunks(days[order]):
            scores[order[done : done + some.height]] = self._scores(self._view(some))
            done += some.height
        return scores

    def _chunks(self, days: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Whole persons, as many as there is room for; `days` has each person's together."""
        if not days.height:
            return
        ends = np.cumsum(days.select(pl.col("person").rle().struct.field("len")).to_series().to_numpy())
        start = 0
        for end, following in zip(ends, np.append(ends[1:], np.inf), strict=True):
            if following - start > self.chunk:
                yield days[start:end]
                start = int(end)

    def _middle(self, usual: Usual) -> Floats:
        """The mean, since days with much and days with little add up to it, and one standard error of the half that it
        is of, so that a mean learned too low does not add up."""
        low: Floats = usual.low + usual.spread / np.sqrt(np.maximum(usual.days / 2, 1)).astype(np.float32)[:, None]
        return low

    def _middle_of(self, groups: Groups) -> Floats:
        return groups.low

    def _chosen(self, days: pl.DataFrame, rows: Ints) -> View:
        own, place = self._ordered(days, rows)
        totals = self._totals(self._each(own), own)
        view = self._view(own).rows(place)
        return replace(view, scale=view.scale / _lengths(totals, _since_of(own, self.run), place))

    def _ordered(self, days: pl.DataFrame, rows: Ints) -> tuple[pl.DataFrame, Ints]:
        """All days of the persons of some rows, ordered, and where these rows stand among them."""
        asked = days[rows].get_column("person").unique().to_list()
        numbered = days.with_row_index("row").filter(pl.col("person").is_in(asked)).sort("person", "day", "row")
        order = np.argsort(held := numbered["row"].to_numpy())
        return numbered.drop("row"), order[np.searchsorted(held, rows, sorter=order)]

    def _each(self, days: pl.DataFrame) -> View:
        """Each row by itself."""
        return super()._view(days)

    def _view(self, days: pl.DataFrame) -> View:
        """`days` ordered by person and day."""
        view = self._adding_up(self._each(days), days)
        new = self._new(np.nan_to_num(self._scores(view)), days)
        return replace(view, z=np.where(new[:, None], view.z, 0))

    def _new(self, heights: Floats, days: pl.DataFrame) -> Bools:
        levels = np.floor(np.round(np.log(np.maximum(heights, LEAST)) / np.log(self.growth), DIGITS))
        rows, since = np.arange(len(levels)), _since_of(days, self.memory + 1)
        before = np.append(0, levels[:-1])
        highest = np.where(since < rows, -_lowest(-before[:, None], np.minimum(since + 1, rows))[:, 0], 0)
        found: Bools = levels > highest
        return found

    def _adding_up(self, each: View, days: pl.DataFrame) -> View:
        """The value of a feature is what there was on each day of its best run."""
        totals = self._totals(each, days)
        sums = totals[1:] - _lowest(totals[:-1], _since_of(days, self.run))
        return replace(each, z=sums, centre=each.centre + each.scale * self.allowance)

    def _totals(self, each: View, days: pl.DataFrame) -> Floats:
        """How far all rows before each have gone beyond what is allowed; what is not known adds nothing, nor
        does a day away."""
        added = np.minimum(each.z, self.cap) - self.allowance
        added[np.isnan(compressed(days, self.read_)) | ~(days["events"].fill_null(0) > 0).to_numpy()[:, None]] = 0
        # In whole steps sums are exact, whatever stands before a person's rows.
        return np.vstack([np.zeros(added.shape[1]), np.cumsum(np.round(added / STEP) * STEP, axis=0)])


def _since_of(days: pl.DataFrame, run: int) -> Ints:
    """Of each row, the person's first row within `run` days. `days` ordered by person and day."""
    key = days["person"].rle_id().cast(pl.Int64).to_numpy() * APART + days["day"].cast(pl.Int32).to_numpy()
    first: Ints = np.searchsorted(key, key - (run - 1))
    return first


def _lowest(values: Floats, since: Ints) -> Floats:
    """The smallest of each column over rows from `since` to the row itself. Minima of runs of 1, 2, 4 ... rows answer
    for any run by two of them that overlap."""
    rows = np.arange(len(since))
    level = np.frexp(rows - since + 1)[1] - 1
    least, some = np.empty_like(values), values
    for power in range(int(level.max(initial=0)) + 1):
        width = 1 << power
        if power:
            half = width >> 1
            some = np.minimum(some[:-half], some[half:])
        these = np.flatnonzero(level == power)
        least[these] = np.minimum(some[since[these]], some[these - width + 1])
    return least


def _lengths(totals: Floats, since: Ints, rows: Ints) -> Floats:
    """Of how many rows the best run of each chosen row and column is."""
    lows = [since[row] + totals[since[row] : row + 1].argmin(axis=0) for row in rows]
    return np.array([row + 1 - low for row, low in zip(rows, lows, strict=True)], dtype=np.float64)
