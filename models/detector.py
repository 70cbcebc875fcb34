"""What all detectors have in common: they learn from person-days, say how odd one is, and what made it so."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.features import STEPS
from models.table import Bools, Floats, Ints, expanded, features_of, same_features, with_keys

DRIVERS = 3
"""How many features an explanation names."""
DIGITS = 9
PARTS = 64
ROUNDS, HALVINGS = 4, 3
BETWEEN = 1 << HALVINGS
"""What halving so often may ask for is asked at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One feature that drove a score: what it was, what is usual, its share of what all named ones did, and the value
    at which the score would no longer be beyond the limit: None where this feature alone would not do."""

    feature: str
    value: float
    usual: float
    share: float
    enough: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Person-days as a detector sees them, rows by features: how far each is from what is expected, in the spread that
    is usual (`z`; 0 where not known), and the way back, `centre + scale * z`, compressed. `usual` is what is expected,
    `known` the rows of which enough is known for a score."""

    z: Floats
    centre: Floats
    scale: Floats
    usual: Floats
    known: Bools

    def rows(self, chosen: Ints | slice) -> View:
        return View(
            z=self.z[chosen],
            centre=self.centre[chosen],
            scale=self.scale[chosen],
            usual=self.usual[chosen],
            known=self.known[chosen],
        )

    def value(self, row: int, feature: int, z: float) -> float:
        """What a feature's value would be at such a distance."""
        return float(expanded(self.centre[row, feature] + self.scale[row, feature] * z))


class Detector(BaseEstimator):  # type: ignore[misc]
    """An estimator in scikit-learn's manner over frames of person-days: the constructor only stores, what is learned
    ends in `_`, frames are left as they are, and the order of their columns is of no importance. Days of people who
    are about to leave are scored, but teach nothing. A value that is missing or not a number says nothing."""

    needs: tuple[str, ...] = ()
    """Key columns without which it cannot learn or score."""
    chunk: int

    @property
    def looks_back(self) -> int:
        """How many days before a row a frame has to hold for its score."""
        return 0

    def fit(self, days: pl.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Learn. Raises `Refused` where there is too little to learn from."""
        with_keys(days, self.needs)
        names = features_of(days)
        self._learn(days)
        return self._named(names)

    @staticmethod
    def reads(name: str) -> bool:
        """Whether it looks at a feature of this name. How often one class of actions follows another is looked at by
        `Sequence` alone."""
        return name not in STEPS

    def score_samples(self, days: pl.DataFrame) -> Floats:
        """How odd each row is: the higher, the odder; not a number where too little is known. Raises `Refused` for
        other features than those learned of."""
        self._ready(days)
        scores = [self._scores(self._view(some)) for some in self._chunks(days)]
        return np.concatenate(scores) if scores else np.zeros(0)

    def explain(self, days: pl.DataFrame, limit: float, rows: Sequence[int]) -> list[tuple[Reason, ...]]:
        """What drove the score of these rows: at most three features, the strongest first; none without a score.
        `limit` is the score beyond which a row is told of."""
        self._ready(days)
        if not len(rows):
            return []
        chosen = np.asarray(rows, dtype=np.int64)
        view = self._chosen(days, chosen)
        shares = self._shares(view)
        order = np.argsort(-shares, axis=1, kind="stable")[:, :DRIVERS]
        enough = self._enough(view, order[:, 0], limit)
        return [self._reasons(view, shares, order, row, enough[row]) for row in range(len(chosen))]

    @abstractmethod
    def _learn(self, days: pl.DataFrame) -> None:
        """Learn from the days, of the features that it reads."""

    @abstractmethod
    def _view(self, days: pl.DataFrame) -> View: ...

    @abstractmethod
    def _odd(self, z: Floats) -> Floats:
        """The score of each row of distances."""

    def _chunks(self, days: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Frames that can be scored one by one, in order."""
        return days.iter_slices(self.chunk)

    def _chosen(self, days: pl.DataFrame, rows: Ints) -> View:
        return self._view(days[rows])

    def _named(self, names: Sequence[str]) -> Self:
        self.feature_names_in_ = np.array(names, dtype=object)
        self.n_features_in_ = len(names)
        self.read_ = np.array([name for name in names if self.reads(name)], dtype=object)
        return self

    def _ready(self, days: pl.DataFrame) -> None:
        check_is_fitted(self, "feature_names_in_")
        with_keys(days, self.needs)
        same_features(days, self.feature_names_in_)

    def _scores(self, view: View) -> Floats:
        scores = np.full(len(view.z), np.nan)
        if view.known.any():
            # How many rows are scored at once shows in the last digits, which equal rows must not differ in.
            scores[view.known] = np.round(self._odd(view.z[view.known]), DIGITS)
        return scores

    def _shares(self, view: View) -> Floats:
        """By how much the score drops when a feature is as expected: never below 0."""
        shares = np.zeros_like(view.z, dtype=np.float64)
        rows, features = np.nonzero((view.z != 0) & view.known[:, None])
        without = self._odd_at(view, rows, features, np.zeros(len(rows)))
        drops = np.round(self._scores(view)[rows] - without, DIGITS // 2)  # below that are last digits
        shares[rows, features] = np.maximum(drops, 0)
        return shares

    def _enough(self, view: View, features: Ints, limit: float) -> Floats:
        """For one feature of each row, the distance nearest to the observed one at which the score is not beyond the
        limit; not a number where no distance down to 0 does. Found in steps, then by halving."""
        rows = np.arange(len(view.z))
        observed = view.z[rows, features]
        steps = np.linspace(1, 0, PARTS + 1)
        holds = self._parts_at(view, rows, features, np.broadcast_to(steps, (len(rows), len(steps)))) <= limit
        first = holds.argmax(axis=1)
        found = np.full(len(rows), np.nan)
        rows = np.flatnonzero(holds.any(axis=1) & ~holds[:, 0])
        within, beyond = steps[first[rows]], steps[first[rows] - 1]
        for _ in range(ROUNDS):
            between = within[:, None] + (beyond - within)[:, None] * np.arange(1, BETWEEN) / BETWEEN
            holds = self._parts_at(view, rows, features[rows], between) <= limit
            low, high = np.zeros(len(rows), dtype=np.int64), np.full(len(rows), BETWEEN)
            for _ in range(HALVINGS):
                middle = (low + high) // 2
                is_held = holds[np.arange(len(rows)), middle - 1]
                low, high = np.where(is_held, middle, low), np.where(is_held, high, middle)
            apart = beyond - within
            within, beyond = within + apart * low / BETWEEN, within + apart * high / BETWEEN
        found[rows] = observed[rows] * within
        return found

    def _parts_at(self, view: View, rows: Ints, features: Ints, parts: Floats) -> Floats:
        """The score of each of these rows if one feature were at each of these parts of its distance."""
        many = parts.shape[1]
        at = np.repeat(rows, many), np.repeat(features, many)
        return self._odd_at(view, *at, view.z[at] * parts.ravel()).reshape(parts.shape)

    def _odd_at(self, view: View, rows: Ints, features: Ints, z: Floats) -> Floats:
        """The score of each of these rows if one feature were at such a distance. Many are asked at once: to some
        detectors one row costs as much as a thousand."""
        scores = np.zeros(len(rows))
        for start in range(0, len(rows), self.chunk):
            some = slice(start, start + self.chunk)
            changed = view.z[rows[some]]
            changed[np.arange(len(changed)), features[some]] = z[some]
            scores[some] = np.round(self._odd(changed), DIGITS)
        return scores

    def _reasons(self, view: View, shares: Floats, order: Ints, row: int, enough: float) -> tuple[Reason, ...]:
        drove = [int(feature) for feature in order[row] if shares[row, feature] > 0]
        total = float(shares[row, drove].sum())
        return tuple(
            Reason(
                feature=str(self.read_[feature]),
                value=view.value(row, feature, float(view.z[row, feature])),
                usual=float(expanded(view.usual[row, feature])),
                share=float(shares[row, feature]) / total,
                enough=view.value(row, feature, enough) if place == 0 and np.isfinite(enough) else None,
            )
            for place, feature in enumerate(drove)
        )


MAD_TO_SIGMA = 1.4826
MEAN_TO_SIGMA = 1.2533
"""From the mean absolute deviation to a standard deviation, under a normal distribution."""
TINY = 1e-6
"""Spreads below this are what is left of equal numbers."""


def middle_and_spread(values: Floats) -> tuple[Floats, Floats]:
    """Median and spread of each column: the median absolute deviation, or the mean one where more than half of the
    column is equal (B. Iglewicz and D. Hoaglin, How to Detect and Handle Outliers, 1993), or 1 where all is."""
    some = np.where(np.isnan(values).all(axis=0), 0.0, values)
    centre = np.nanmedian(some, axis=0)
    away = np.abs(some - centre)
    spread = MAD_TO_SIGMA * np.nanmedian(away, axis=0)
    spread = np.where(spread > TINY, spread, MEAN_TO_SIGMA * np.nanmean(away, axis=0))
    return centre, np.where(spread > TINY, spread, 1.0)


def odd_together(z: Floats) -> Floats:
    """The root of the squares of the three largest distances upwards: doing less than usual is not odd, and one feature
    alone weighs less than three that agree."""
    most = min(DRIVERS, z.shape[1])
    found: Floats = np.sqrt(np.square(np.maximum(np.partition(z, z.shape[1] - most, axis=1)[:, -most:], 0)).sum(axis=1))
    return found
