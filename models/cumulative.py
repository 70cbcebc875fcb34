"""How far a person's days add up: a little more than usual every day is odd in the end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from models.detector import View
from models.groups import Groups
from models.heights import Growing, lowest, since_of
from models.table import Floats, Ints, compressed
from models.usual import Usual

STEP = 2.0**-20


class Cumulative(Growing):
    """How far the person's last days, few or many, add up beyond the own usual: of all runs of at most `run` days that
    end with a day, the largest sum of min(z, cap) - allowance (E. S. Page's CUSUM, Biometrika 41, 1954, with its start
    unknown). It speaks on days on which that reaches a new height."""

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
        super().__init__(growth=growth, memory=memory, least=least, chunk=chunk)
        self.run = run
        self.allowance = allowance
        self.cap = cap

    @property
    def looks_back(self) -> int:
        return self.run - 1 + self.memory

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
        return replace(view, scale=view.scale / _lengths(totals, since_of(own, self.run), place))

    def _come_to(self, each: View, days: pl.DataFrame) -> View:
        """The value of a feature is what there was on each day of its best run."""
        totals = self._totals(each, days)
        sums = totals[1:] - lowest(totals[:-1], since_of(days, self.run))
        return replace(each, z=sums, centre=each.centre + each.scale * self.allowance)

    def _totals(self, each: View, days: pl.DataFrame) -> Floats:
        """How far all rows before each have gone beyond what is allowed; what is not known adds nothing, nor
        does a day away."""
        added = np.minimum(each.z, self.cap) - self.allowance
        added[np.isnan(compressed(days, self.read_)) | ~(days["events"].fill_null(0) > 0).to_numpy()[:, None]] = 0
        # In whole steps sums are exact, whatever stands before a person's rows.
        return np.vstack([np.zeros(added.shape[1]), np.cumsum(np.round(added / STEP) * STEP, axis=0)])


def _lengths(totals: Floats, since: Ints, rows: Ints) -> Floats:
    """Of how many rows the best run of each chosen row and column is."""
    lows = [since[row] + totals[since[row] : row + 1].argmin(axis=0) for row in rows]
    return np.array([row + 1 - low for row, low in zip(rows, lows, strict=True)], dtype=np.float64)
