"""How far a person-day is from the person's own usual, from that of colleagues, and how far days add up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import polars as pl

from models.detector import MAD_TO_SIGMA, Detector, View, odd_together
from models.habits import NEEDS, Habits, habits_of
from models.table import Bools, Floats, Ints, compressed

STEP = 2.0**-20
APART = 1 << 24
"""More days than lie between any two dates."""


class Deviation(Detector):
    """A detector that knows persons by their habits. Spreads are drawn towards everybody's, as if `prior` days of those
    had been seen too, and are never below `floor` (compressed): someone who never exports has spread 0."""

    needs = NEEDS
    prior: float
    floor: float

    def learn(self, habits: Habits) -> Self:
        """Learn from habits, as `fit` does from the days that make them."""
        self._from(habits)
        return self._named(habits.names)

    def _learn(self, days: pl.DataFrame, names: Sequence[str]) -> None:  # noqa: ARG002
        self._from(habits_of([days]))

    def _from(self, habits: Habits) -> None:
        raise NotImplementedError

    def _odd(self, z: Floats) -> Floats:
        return odd_together(z)

    def _shrunk(self, spread: Floats, weight: Floats) -> Floats:
        """Spreads of rows that count as much as their weight, drawn towards the usual one of all rows."""
        usual = np.sqrt(_mean(np.square(spread)))
        own = np.where(np.isnan(spread), usual, spread)
        drawn = (weight[:, None] * np.square(own) + self.prior * np.square(usual)) / (weight[:, None] + self.prior)
        return np.maximum(np.sqrt(drawn), self.floor)

    def _against(self, days: pl.DataFrame, place: Ints, centre: Floats, scale: Floats) -> View:
        """Each row against that of its place; no score where there is none."""
        values = compressed(days, self.feature_names_in_)
        usual = centre[place].astype(np.float64)
        spread = scale[place].astype(np.float64)
        z = np.nan_to_num((values - usual) / spread)
        return View(z=z, centre=np.nan_to_num(usual), scale=spread, usual=np.nan_to_num(usual), known=place >= 0)


class Own(Deviation):
    """Against the person's own days, frozen when learned, so that nobody can lead them along slowly. No score for who
    had fewer than `least` of them."""

    def __init__(self, *, least: int = 10, prior: float = 20.0, floor: float = 0.1, chunk: int = 16_384) -> None:
        self.least = least
        self.prior = prior
        self.floor = floor
        self.chunk = chunk

    def _from(self, habits: Habits) -> None:
        enough = habits.days >= self.least
        scale = self._shrunk(habits.spread, habits.days.astype(np.float64))
        self.persons_ = [person for person, held in zip(habits.persons, enough, strict=True) if held]
        self.centre_ = _or_nothing(self._middle(habits, scale)[enough], len(habits.names), np.nan)
        self.scale_ = _or_nothing(scale[enough].astype(np.float32), len(habits.names), 1.0)

    def _middle(self, habits: Habits, scale: Floats) -> Floats:  # noqa: ARG002
        return habits.centre

    def _view(self, days: pl.DataFrame) -> View:
        return self._against(days, _places(days["person"], self.persons_), self.centre_, self.scale_)


class Peers(Deviation):
    """Against people of the same department and title, or of the department where those are fewer than `least`; each
    counts once, however many days were seen. No score where these are fewer too."""

    def __init__(self, *, least: int = 5, prior: float = 5.0, floor: float = 0.1, chunk: int = 16_384) -> None:
        self.least = least
        self.prior = prior
        self.floor = floor
        self.chunk = chunk

    def _from(self, habits: Habits) -> None:
        groups: dict[str, list[int]] = {}
        for row, (department, title) in enumerate(habits.posts):
            if department:
                for name in filter(None, (_whole(department), _post(department, title))):
                    groups.setdefault(name, []).append(row)
        self.groups_ = sorted(name for name, rows in groups.items() if len(rows) >= self.least)
        chosen = [groups[name] for name in self.groups_]
        width = len(habits.names)
        centre = np.array([_median(habits.centre[rows]) for rows in chosen]).reshape(-1, width)
        between = np.array([_mad(habits.centre[rows]) for rows in chosen]).reshape(-1, width)
        within = np.array([_median(habits.spread[rows]) for rows in chosen]).reshape(-1, width)
        sizes = np.array([len(rows) for rows in chosen], dtype=np.float64)
        scale = self._shrunk(np.hypot(between, within), sizes) if chosen else between
        self.centre_ = _or_nothing(centre.astype(np.float32), width, np.nan)
        self.scale_ = _or_nothing(scale.astype(np.float32), width, 1.0)

    def _view(self, days: pl.DataFrame) -> View:
        department, title = days["department"].fill_null(""), days["title"].fill_null("")
        departments = pl.Series([_whole(one) for one in department], dtype=pl.String)
        posts = pl.Series([_post(*both) for both in zip(department, title, strict=True)], dtype=pl.String)
        exact, wide = _places(posts, self.groups_), _places(departments, self.groups_)
        return self._against(days, np.where(exact >= 0, exact, wide), self.centre_, self.scale_)


class Cumulative(Own):
    """How far the person's last days, few or many, add up beyond the own usual: of all runs of at most `run` days that
    end with a day, the largest sum of min(z, cap) - allowance (E. S. Page's CUSUM, Biometrika 41, 1954, with its start
    unknown). A frame holds the `run` days before those that are asked about; a day is scored from what comes before."""

    def __init__(
        self,
        *,
        run: int = 60,
        allowance: float = 0.5,
        cap: float = 4.0,
        least: int = 10,
        prior: float = 20.0,
        floor: float = 0.1,
        chunk: int = 16_384,
    ) -> None:
        super().__init__(least=least, prior=prior, floor=floor, chunk=chunk)
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

    def _middle(self, habits: Habits, scale: Floats) -> Floats:
        """The mean, since days with much and days with little add up to it, and one standard error more, so that a mean
        learned too low does not add up."""
        return habits.mean + scale / np.sqrt(habits.days)[:, None]

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
        """How far all rows before each have gone beyond what is allowed; what is not known adds nothing."""
        added = np.minimum(each.z, self.cap) - self.allowance
        added[np.isnan(compressed(days, self.feature_names_in_))] = 0
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


def _places(wanted: pl.Series, known: Sequence[str]) -> Ints:
    """Where each is among the known, -1 where it is not."""
    table = pl.DataFrame({"name": known, "place": range(len(known))}, schema={"name": pl.String, "place": pl.Int64})
    asked = wanted.alias("name").cast(pl.String).to_frame()
    return asked.join(table, on="name", how="left", maintain_order="left")["place"].fill_null(-1).to_numpy()


def _whole(department: str) -> str:
    return json.dumps([department]) if department else ""


def _post(department: str, title: str) -> str:
    return json.dumps([department, title]) if department and title else ""


def _or_nothing(rows: Floats, width: int, value: float) -> Floats:
    """The rows and, last, the one for who is not known, which place -1 is."""
    return np.vstack([rows.reshape(-1, width), np.full((1, width), value, dtype=np.float32)])


def _median(rows: Floats) -> Floats:
    some = np.where(np.isnan(rows).all(axis=0), 0.0, rows)
    return np.where(np.isnan(rows).all(axis=0), np.nan, np.nanmedian(some, axis=0))


def _mad(rows: Floats) -> Floats:
    return MAD_TO_SIGMA * np.nan_to_num(_median(np.abs(rows - _median(rows))))


def _mean(rows: Floats) -> Floats:
    known: Bools = ~np.isnan(rows)
    found: Floats = np.where(known, rows, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return found
