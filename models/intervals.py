"""How sure a number is: 95 % intervals of shares, of differences between shares, and of what is read off persons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import sqrt

import numpy as np

from core.model import Metric
from models.table import Floats

NORMAL_95 = 1.96
RESAMPLED = 2_000
SEED = 0


def share(name: str, some: int, of: int) -> Metric:
    """A share with its 95 % interval (E. B. Wilson, Journal of the American Statistical Association 22, 1927)."""
    rate, square = some / of, NORMAL_95**2
    middle = (rate + square / (2 * of)) / (1 + square / of)
    half = NORMAL_95 * sqrt(rate * (1 - rate) / of + square / (4 * of * of)) / (1 + square / of)
    return Metric(
        name=name, value=rate, low=max(0.0, min(middle - half, rate)), high=min(1.0, max(middle + half, rate))
    )


def difference(name: str, one: Collection[str], other: Collection[str], of: Collection[str]) -> Metric:
    """By how much the share of persons in `one` is above that of `other`, of the same persons (the tenth method of
    R. G. Newcombe, Statistics in Medicine 17, 1998, 2635-2650, which holds for few persons too)."""
    n = len(of)
    first, second = share(name, len(one), n), share(name, len(other), n)
    phi = _alike(len(set(one) & set(other)), len(one), len(other), n)
    down = _distance(first.value - first.low, second.high - second.value, phi)
    up = _distance(first.high - first.value, second.value - second.low, phi)
    value = first.value - second.value
    return Metric(name=name, value=value, low=max(-1.0, value - down), high=min(1.0, value + up))


def by_person(name: str, values: Sequence[float], statistic: Callable[[Floats], float]) -> Metric:
    """A statistic of one value a person, with what it is of persons drawn again and again with replacement (B. Efron,
    Annals of Statistics 7, 1979); the same values give the same interval, in whichever order."""
    known = np.sort(np.asarray(values, dtype=np.float64))
    value = float(statistic(known))
    drawn = np.random.default_rng(SEED).integers(0, len(known), (RESAMPLED, len(known)))
    low, high = np.quantile([statistic(known[rows]) for rows in drawn], [0.025, 0.975])
    return Metric(name=name, value=value, low=min(float(low), value), high=max(float(high), value))


def _alike(both: int, one: int, other: int, n: int) -> float:
    """How much being in the one goes with being in the other, from -1 to 1."""
    margins = one * (n - one) * other * (n - other)
    if not margins:
        return 0.0
    apart = both * (n - one - other + both) - (one - both) * (other - both)
    return (max(apart - n / 2, 0.0) if apart > 0 else apart) / sqrt(margins)


def _distance(one: float, other: float, phi: float) -> float:
    return sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))
