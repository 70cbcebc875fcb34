"""How far a person's days add up: a little more than usual every day is odd in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from models.detector import View
from models.deviation import Own
from models.groups import Groups
from models.table import Floats, Ints, compressed
from models.usual import Usual

STEP = 2.0**-20
APART = 1 << 24
"""More days than lie between any two dates."""


class Cumulative(Own):
    """How far the person's last days, few or many, add up beyond the own usual: of all runs of at most `run` days that
    end with a day, the largest sum of min(z, cap) - allowance (E. S. Page's CUSUM, Biometrika 41, 1954, with its start
    unknown). A frame holds the `run` days before those that are asked about; a day is scored from what comes before."""

    def __init__(
        self, *, run: int = 60, allowance: float = 1.0, cap: float = 4.0, least: int = 10, chunk: int = 16_384
    ) -> None:
        super().__init__(least=least, chunk=chunk)
        self.run = run
        self.allowance = allowance
        self.cap = cap

    @property
    def looks_back(self) -> int:
        return self.run - 1

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
        asked = days[rows].get_column("person").unique().to_list()
        numbered = days.with_row_index("row").filter(pl.col("person").is_in(asked)).sort("person", "day", "row")
        order = np.argsort(held := numbered["row"].to_numpy())
        place = order[np.searchsorted(held, rows, sorter=order)]
        own = numbered.drop("row")
        view = self._view(own).rows(place)
        length = _lengths(self._totals(super()._view(own), own), _runs_of(own, self.run), place)
        return replace(view, scale=view.scale / length)

    def _view(self, days: pl.DataFrame) -> View:
        """`days` ordered by person and day. The value of a feature is what there was on each day of its best run."""
        each = super()._view(days)
        sums = _best_sums(self._totals(each, days), _runs_of(days, self.run))
        return replace(each, z=sums, centre=each.centre + each.scale * self.allowance)

    def _totals(self, each: View, days: pl.DataFrame) -> Floats:
        """How far all rows before each have gone beyond what is allowed; what is not known adds nothing, nor
        does a day away."""
        added = np.minimum(each.z, self.cap) - self.allowance
        added[np.isnan(compressed(days, self.read_)) | ~(days["events"].fill_null(0) > 0).to_numpy()[:, None]] = 0
        # In whole steps sums are exact, whatever stands before a person's rows.
        return np.vstack([np.zeros(added.shape[1]), np.cumsum(np.round(added / STEP) * STEP, axis=0)])


def _runs_of(days: pl.DataFrame, run: int) -> Ints:
    """Of each row, the person's first row within `run` days. `days` ordered by person and day."""
    key = days["person"].rle_id().cast(pl.Int64).to_numpy() * APART + days["day"].cast(pl.Int32).to_numpy()
    first: Ints = np.searchsorted(key, key - (run - 1))
    return first


def _best_sums(totals: Floats, since: Ints) -> Floats:
    """The largest sum of each column over rows from any of `since` to the row itself; `totals` are sums of all rows
    before each. Minima of runs of 1, 2, 4 ... rows answer for any run by two of them that overlap."""
    rows = np.arange(len(since))
    level = np.frexp(rows - since + 1)[1] - 1
    least, lowest = np.empty((len(since), totals.shape[1])), totals[:-1]
    for power in range(int(level.max(initial=0)) + 1):
        width = 1 << power
        if power:
            half = width >> 1
            lowest = np.minimum(lowest[:-half], lowest[half:])
        these = np.flatnonzero(level == power)
        least[these] = np.minimum(lowest[since[these]], lowest[these - width + 1])
    found: Floats = totals[1:] - least
    return found


def _lengths(totals: Floats, since: Ints, rows: Ints) -> Floats:
    """Of how many rows the best run of each chosen row and column is."""
    lows = [since[row] + totals[since[row] : row + 1].argmin(axis=0) for row in rows]
    return np.array([row + 1 - low for row, low in zip(rows, lows, strict=True)], dtype=np.float64)
