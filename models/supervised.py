"""What people decided of the past: how much a person-day is like those that turned out to be incidents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import polars as pl
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from core.errors import Refused
from models.detector import Detector, View, middle_and_spread
from models.table import Bools, Floats, compressed, features_of, with_keys

LABEL = "label"
"""Column of what a day was: above 0 an incident, below 0 looked at and in order, the surer the further from 0; null
where nobody said, which counts for little against it."""
SAID = "said "
"""How columns begin that are no features of a person's day, but what other detectors say of it."""
FAR, BEND = 10.0, 3.0
"""A day further out than so many spreads is as far; from `BEND` on, distance counts for itself."""
TREES, DEPTH = 60, 2
LINEAR, BOOSTED = "linear", "boosted"


class Supervised(Detector):
    """Logistic regression on distances beyond the usual, bent once, with ridge `1 / strength`; or, `boosted`, gradient
    boosting of small trees on the same distances. Incidents weigh as much as everything else together, each person's
    as much as every other's. All days given teach, of leavers too, and `fit` needs their labels, as `y` or in a column.

    Kept are plain numbers: weights, or the nodes of trees, so a file of it needs no type that could run anything."""

    def __init__(
        self, *, learner: str = LINEAR, strength: float = 0.1, random_state: int = 0, chunk: int = 16_384
    ) -> None:
        self.learner = learner
        self.strength = strength
        self.random_state = random_state
        self.chunk = chunk

    def fit(self, days: pl.DataFrame, y: object = None) -> Self:
        """Learn from days with labels. Raises `Refused` where no day is an incident, or all are."""
        if y is not None:
            days = days.with_columns(pl.Series(LABEL, np.asarray(y, dtype=np.float64), nan_to_null=True))
        with_keys(days, ("person", LABEL))
        self._named(features_of(days))
        self._learn(days)
        return self

    def _learn(self, days: pl.DataFrame) -> None:
        label = days[LABEL].cast(pl.Float64).fill_null(0).to_numpy()
        guilty = label > 0
        if not guilty.any() or guilty.all():
            raise Refused("to learn what an incident is, days of incidents and other days are needed")
        values = compressed(days, self.read_)
        self.centre_, self.scale_ = middle_and_spread(values[~guilty])
        self.varies_ = np.nanmax(np.nan_to_num(np.abs(values - self.centre_)), axis=0) > 0
        z = _bounded(np.nan_to_num((values - self.centre_) / self.scale_))
        self._learn_labelled(z, guilty, _weights(days["person"], label))

    def _learn_labelled(self, z: Floats, guilty: Bools, weights: Floats) -> None:
        if self.learner == LINEAR:
            regression = LogisticRegression(C=self.strength, solver="newton-cholesky")
            self.coef_ = regression.fit(_bent(z), guilty, sample_weight=weights).coef_[0]
            return
        boosting = GradientBoostingClassifier(
            n_estimators=TREES,
            max_depth=DEPTH,
            learning_rate=self.strength,
            max_features="sqrt",
            min_weight_fraction_leaf=0.02,
            random_state=self.random_state,
        )
        trees = [one.tree_ for one in boosting.fit(z, guilty, sample_weight=weights).estimators_[:, 0]]
        # A leaf points to itself, so that a walk of `DEPTH` steps ends in one whatever the tree.
        self.feature_ = _padded([np.maximum(tree.feature, 0) for tree in trees])
        self.threshold_ = _padded([tree.threshold for tree in trees])
        self.left_ = _padded([_or_self(tree.children_left) for tree in trees])
        self.right_ = _padded([_or_self(tree.children_right) for tree in trees])
        self.value_ = _padded([tree.value[:, 0, 0] * self.strength for tree in trees])

    def _view(self, days: pl.DataFrame) -> View:
        """Against the middle and the spread of all that was no incident; half of the features that vary are known."""
        values = compressed(days, self.read_)
        known = (~np.isnan(values[:, self.varies_])).mean(axis=1) >= 0.5
        centre, scale = (np.broadcast_to(one, values.shape) for one in (self.centre_, self.scale_))
        z = np.nan_to_num((values - centre) / scale)
        return View(z=z, centre=centre, scale=scale, usual=centre, known=known)

    def _odd(self, z: Floats) -> Floats:
        near = _bounded(z)
        if self.learner == LINEAR:
            linear: Floats = _bent(near) @ self.coef_
            return linear
        single = near.astype(np.float32)  # as scikit-learn's trees compare
        rows = np.arange(len(single))
        scores = np.zeros(len(single))
        for tree in range(len(self.feature_)):
            node = np.zeros(len(single), dtype=np.int64)
            for _ in range(DEPTH):
                goes_left = single[rows, self.feature_[tree][node]] <= self.threshold_[tree][node]
                node = np.where(goes_left, self.left_[tree][node], self.right_[tree][node])
            scores += self.value_[tree][node]
        return scores

    def _shares(self, view: View) -> Floats:
        """Of what other detectors say nothing is told: they speak for themselves."""
        shares = super()._shares(view)
        shares[:, [str(name).startswith(SAID) for name in self.read_]] = 0
        return shares


def _bounded(z: Floats) -> Floats:
    found: Floats = np.clip(z, 0, FAR)
    return found


def _bent(z: Floats) -> Floats:
    """Two columns for each distance: all of it to the bend, and what is beyond; both in bends."""
    return np.hstack([np.minimum(z, BEND), np.maximum(z - BEND, 0)]) / BEND


def _weights(persons: pl.Series, label: Floats) -> Floats:
    """Each person with incidents weighs 1 over all days of them, times how sure these are. Everything else weighs as
    much together: persons found to be in order 1 each, up to half of it, the days that nobody spoke of the rest."""
    frame = pl.DataFrame({"person": persons, "side": np.sign(label), "sure": np.abs(label)})
    of_person = frame.select(pl.col("sure") / pl.len().over("person", "side")).to_series().to_numpy()
    guilty, benign, rest = label > 0, label < 0, label == 0
    whole = of_person[guilty].sum()
    weights = np.where(guilty, of_person, 0.0)
    if benign.any():
        weights[benign] = of_person[benign] * min(1.0, whole / 2 / of_person[benign].sum())
    if rest.any():
        weights[rest] = (whole - weights[benign].sum()) / rest.sum()
    return weights


def _or_self(children: Sequence[int]) -> Floats:
    found = np.asarray(children)
    return np.where(found < 0, np.arange(len(found)), found)


def _padded(parts: Sequence[Floats]) -> Floats:
    """Rows of trees; nothing leads to what fills them up."""
    width = max(len(part) for part in parts)
    return np.stack([np.pad(part, (0, width - len(part))) for part in parts])
