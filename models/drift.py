"""Whether days have become others than those a model learned from."""

from __future__ import annotations

from datetime import date
from typing import Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.panel import Frames
from models.table import Floats, Ints, Sample, compressed, features_of, same_features, staying

POPULATION = "population"
"""Name of the part of a model that knows its days."""
SAMPLE = 30_000
BARE = 1e-4
"""Nothing has a smaller share, so that what was never seen can be compared."""


class Population(BaseEstimator):  # type: ignore[misc]
    """How often each feature's values lay between which limits: tenths of the days learned from, equal ones together,
    and those where it was not known."""

    def __init__(self, *, bins: int = 10) -> None:
        self.bins = bins

    def fit(self, days: pl.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        names = features_of(days)
        values = compressed(days, names)
        self.feature_names_in_ = np.array(names, dtype=object)
        self.limits_ = np.stack([self._limits(column) for column in values.T])
        counted = self.counts(days)
        self.shares_ = counted / counted.sum(axis=1, keepdims=True)
        return self

    def counts(self, days: pl.DataFrame) -> Ints:
        """How many days lie between each feature's limits; those of several frames may be added. Raises `Refused` for
        other features than those learned of."""
        check_is_fitted(self, "limits_")
        same_features(days, self.feature_names_in_)
        values = compressed(days, self.feature_names_in_)
        found = np.zeros((len(self.limits_), self.bins + 1), dtype=np.int64)
        for row, (limits, column) in enumerate(zip(self.limits_, values.T, strict=True)):
            places = np.where(np.isnan(column), self.bins, np.searchsorted(limits, column))
            found[row] = np.bincount(places, minlength=self.bins + 1)
        return found

    def drift(self, counts: Ints) -> dict[str, float]:
        """The population stability index of each feature: the sum over limits of (p - q) ln(p / q). Below 0.1 is taken
        for no change, above 0.25 for another population (N. Siddiqi, Credit Risk Scorecards, 2006)."""
        now = np.maximum(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), BARE)
        then = np.maximum(self.shares_, BARE)
        found = ((now - then) * np.log(now / then)).sum(axis=1)
        return dict(zip(map(str, self.feature_names_in_), found.tolist(), strict=True))

    @classmethod
    def learn(cls, frames: Frames, until: date, seed: int = 0) -> Self:
        """From the days of people who stay, to a date; one frame is in memory at a time."""
        sample = Sample(SAMPLE, seed)
        for frame in frames():
            sample.add(staying(frame).filter(pl.col("day") <= until))
        return cls().fit(sample.rows())

    def _limits(self, column: Floats) -> Floats:
        known = column[~np.isnan(column)]
        limits = np.unique(np.quantile(known, np.linspace(0, 1, self.bins + 1)[1:-1])) if len(known) else np.zeros(0)
        return np.pad(limits, (0, self.bins - 1 - len(limits)), constant_values=np.inf)
