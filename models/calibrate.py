"""What a score means: one in how many person-days is as odd."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from core.errors import Refused
from models.table import Floats

LEAST = 100
"""Fewer scores than this have no tail."""
KEPT = 1000
"""How many of the largest scores are kept, and how many of the others."""
BEYOND = 10.0
"""How many times rarer than anything seen a score may be called."""
CRITICAL = 1.36
"""Kolmogorov's and Smirnov's statistic that one in twenty samples of a true distribution exceeds."""


class Calibration(BaseEstimator):  # type: ignore[misc]
    """Scores to "one in N person-days": N = (n + 1) / (k + 1), where k of n scores of everyday life were at least as
    high; so nothing is rarer than what was seen lets say, and a higher score is never more usual.

    Above all that was seen, a generalised Pareto tail goes on where one holds: fitted to the largest twentieth of one
    half of the scores it has to agree with the other half. It never says more than ten times (n + 1)."""

    def __init__(self, *, tail: float = 0.05, least_tail: int = 100, random_state: int = 0) -> None:
        self.tail = tail
        self.least_tail = least_tail
        self.random_state = random_state

    def fit(self, scores: Floats, y: object = None) -> Self:  # noqa: ARG002
        """Learn from scores; those that are no number do not count. Raises `Refused` where there are too few."""
        known = np.sort(np.asarray(scores, dtype=np.float64)[np.isfinite(scores)])
        if len(known) < LEAST:
            raise Refused(f"{len(known)} scores are too few to tell what is rare: {LEAST} are needed")
        largest = np.arange(max(0, len(known) - KEPT), len(known))
        kept = np.unique(np.r_[np.linspace(0, len(known) - 1, KEPT).astype(int), largest])
        self.scores_ = np.unique(known[kept])
        self.at_least_ = len(known) - np.searchsorted(known, self.scores_)
        self.above_ = len(known) - np.searchsorted(known, self.scores_, side="right")
        self.n_ = len(known)
        self.tail_ = self._fit_tail(known)
        return self

    def one_in(self, scores: Floats) -> Floats:
        """One in how many person-days has such a score; not a number for a score that is none."""
        check_is_fitted(self, "scores_")
        given = np.asarray(scores, dtype=np.float64)
        # Between two that were kept at most as many are at least as high as are above the lower one.
        lower = np.searchsorted(self.scores_, given, side="right") - 1
        as_high = np.where(self.scores_[lower] == given, self.at_least_[lower], self.above_[lower])
        above = given > self.scores_[-1]
        found = (self.n_ + 1) / (np.where(lower < 0, self.n_, as_high) + 1)
        if self.tail_ is not None and above.any():
            found[above] = np.clip(1 / self._beyond(given[above]), found[above], BEYOND * (self.n_ + 1))
        one_in: Floats = np.where(np.isnan(given), np.nan, found)
        return one_in

    def limit(self, one_in: float) -> float:
        """The score beyond which all are as rare as one in so many, and no others; infinite where nothing can be."""
        check_is_fitted(self, "scores_")
        rare = self.one_in(self.scores_) >= one_in
        if rare.any():
            first = int(rare.argmax())
            before = float(self.scores_[first - 1]) if first else -np.inf
            higher = self.one_in(np.array([np.nextafter(before, np.inf)]))[0] >= one_in
            return before if higher else float(np.nextafter(self.scores_[first], -np.inf))
        top = float(self.scores_[-1])
        if self.one_in(np.array([np.nextafter(top, np.inf)]))[0] >= one_in:
            return top
        return self._limit_beyond(one_in, top)

    def _limit_beyond(self, one_in: float, top: float) -> float:
        if self.tail_ is None or one_in > BEYOND * (self.n_ + 1):
            return np.inf
        low, high = top, top + 1
        for _ in range(200):
            if self.one_in(np.array([high]))[0] >= one_in:
                break
            high = top + 2 * (high - top)
        else:
            return np.inf
        for _ in range(80):
            middle = (low + high) / 2
            rare = self.one_in(np.array([middle]))[0] >= one_in
            low, high = (low, middle) if rare else (middle, high)
        return low

    def _fit_tail(self, known: Floats) -> tuple[float, float, float, float] | None:
        """Where it begins, how likely anything is beyond that, scale and shape."""
        start = float(known[int(len(known) * (1 - self.tail))])
        over = known[known > start] - start
        if len(over) < self.least_tail:
            return None
        mixed = np.random.default_rng(self.random_state).permutation(over)
        half = len(mixed) // 2
        tried = _pareto(mixed[:half])
        if tried is None or _distance(mixed[half:], *tried) * np.sqrt(len(mixed) - half) > CRITICAL:
            return None
        whole = _pareto(over)
        return None if whole is None else (start, len(over) / len(known), *whole)

    def _beyond(self, scores: Floats) -> Floats:
        assert self.tail_ is not None  # noqa: S101
        start, likely, scale, shape = self.tail_
        found: Floats = np.maximum(likely * _survival(scores - start, scale, shape), 1e-300)
        return found


def _pareto(over: Floats) -> tuple[float, float] | None:
    """Scale and shape by probability-weighted moments (J. R. M. Hosking and J. F. Wallis, Technometrics 29, 1987),
    which hold for shapes below one half; none where there is no such distribution."""
    values = np.sort(over)
    n = len(values)
    mean = values.mean()
    weighted = (values * (n - np.arange(1, n + 1)) / (n - 1)).mean()
    if not mean > 2 * weighted * (1 + 1e-9):
        return None
    shape = 2 - mean / (mean - 2 * weighted)
    scale = 2 * mean * weighted / (mean - 2 * weighted)
    return (float(scale), float(shape)) if shape < 0.5 and scale > 0 else None


def _survival(over: Floats, scale: float, shape: float) -> Floats:
    if abs(shape) < 1e-9:
        even: Floats = np.exp(-over / scale)
        return even
    inside = np.maximum(1 + shape * over / scale, 0)
    with np.errstate(divide="ignore"):
        return np.where(inside > 0, inside ** (-1 / shape), 0.0 if shape < 0 else 1.0)


def _distance(over: Floats, scale: float, shape: float) -> float:
    """The largest difference between what was seen and what the distribution says."""
    values = np.sort(over)
    said = 1 - _survival(values, scale, shape)
    steps = np.arange(len(values) + 1) / len(values)
    return float(np.maximum(np.abs(said - steps[1:]), np.abs(said - steps[:-1])).max())
