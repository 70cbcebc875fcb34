"""What grows over many days is told of when it reaches a new height, not on every day that it stays up there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from models.detector import DIGITS, View
from models.deviation import Own
from models.table import Bools, Floats, Ints

APART = 1 << 24
"""More days than lie between any two dates."""
LEAST = 1.0
"""Below this nothing has grown."""


class Growing(Own):
    """A detector of what many days come to. A day has a score where that has reached a new height: a level, each
    `growth` times the one below, that none of the person's `memory` days before had. Whatever stays as high scores 0:
    one deed is odd once, and a ramp as often as it has grown by so much. A frame holds the days before those that are
    asked about, as `looks_back` says."""

    def __init__(self, *, growth: float = 1.25, memory: int = 14, least: int = 10, chunk: int = 16_384) -> None:
        super().__init__(least=least, chunk=chunk)
        self.growth = growth
        self.memory = memory

    @property
    def looks_back(self) -> int:
        return self.memory

    @abstractmethod
    def _come_to(self, each: View, days: pl.DataFrame) -> View:
        """What the days up to each row come to, from how far each row is from usual; `days` ordered by person and
        day."""

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

    def _chosen(self, days: pl.DataFrame, rows: Ints) -> View:
        own, place = self._ordered(days, rows)
        return self._view(own).rows(place)

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
        view = self._come_to(self._each(days), days)
        new = self._new(np.nan_to_num(self._scores(view)), days)
        return replace(view, z=np.where(new[:, None], view.z, 0))

    def _new(self, heights: Floats, days: pl.DataFrame) -> Bools:
        levels = np.floor(np.round(np.log(np.maximum(heights, LEAST)) / np.log(self.growth), DIGITS))
        rows, since = np.arange(len(levels)), since_of(days, self.memory + 1)
        before = np.append(0, levels[:-1])
        highest = np.where(since < rows, -lowest(-before[:, None], np.minimum(since + 1, rows))[:, 0], 0)
        found: Bools = levels > highest
        return found


def since_of(days: pl.DataFrame, run: int) -> Ints:
    """Of each row, the person's first row within `run` days. `days` ordered by person and day."""
    key = days["person"].rle_id().cast(pl.Int64).to_numpy() * APART + days["day"].cast(pl.Int32).to_numpy()
    first: Ints = np.searchsorted(key, key - (run - 1))
    return first


def lowest(values: Floats, since: Ints) -> Floats:
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
