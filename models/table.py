"""Person-days as matrices: which columns are features, and in what measure detectors see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.errors import Refused
from core.person import Stage

Floats: TypeAlias = NDArray[np.floating[Any]]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

KEYS = ("person", "day", "department", "title", "stage", "kind", "label")
"""Columns of a person-day that are no features."""
MOST = 100.0
"""Nothing counts for more in the measure of `compressed`: about 1e43 of anything, and infinity."""


def features_of(days: pl.DataFrame) -> tuple[str, ...]:
    """The features of a frame, in the one order that detectors know. Raises `Refused` where a column is no number."""
    schema = days.schema
    names = sorted(set(schema) - set(KEYS))
    if strange := [name for name in names if not schema[name].is_numeric()]:
        raise Refused(f"not numbers, so not features: {', '.join(strange)}")
    if not names:
        raise Refused("these person-days have no features")
    return tuple(names)


def same_features(days: pl.DataFrame, names: Iterable[str]) -> None:
    """Raises `Refused`, by name, where the frame has not exactly these features."""
    given = set(features_of(days))
    learned = set(names)
    if missing := sorted(learned - given):
        raise Refused(f"features are missing: {', '.join(missing)}")
    if unknown := sorted(given - learned):
        raise Refused(f"features that nothing was learned of: {', '.join(unknown)}")


def with_keys(days: pl.DataFrame, keys: Iterable[str]) -> None:
    """Raises `Refused`, by name, where one of these columns is missing."""
    if missing := [key for key in keys if key not in days.columns]:
        raise Refused(f"columns are missing: {', '.join(missing)}")


def staying(days: pl.DataFrame) -> pl.DataFrame:
    """The days that teach what is usual: those of people of whom nobody thinks that they leave."""
    return days.filter(pl.col("stage") == Stage.ACTIVE.value) if "stage" in days.columns else days


class Sample:
    """So many rows of all that are added, those with the smallest numbers drawn for person and day: which rows they are
    does not depend on the frames that rows come in. About twice as many are in memory at most."""

    def __init__(self, most: int, seed: int) -> None:
        self._most, self._seed = most, seed
        self._held: list[pl.DataFrame] = []
        self._limit: int | None = None

    def add(self, days: pl.DataFrame) -> None:
        drawn = days.with_columns(pl.struct("person", "day").hash(self._seed).alias("place"))
        self._held.append(drawn if self._limit is None else drawn.filter(pl.col("place") <= self._limit))
        if sum(some.height for some in self._held) > 2 * self._most:
            self._held = [self._smallest()]
            self._limit = self._held[0]["place"][-1]

    def rows(self) -> pl.DataFrame:
        return self._smallest().drop("place") if self._held else pl.DataFrame()

    def _smallest(self) -> pl.DataFrame:
        return pl.concat(self._held).sort("place", "person", "day").head(self._most)


def compressed(days: pl.DataFrame, names: Iterable[str]) -> Floats:
    """Rows of sign(x) * log(1 + |x|): ten times as much is as far from a hundred as from ten thousand, and a share
    keeps its measure. What is not known is not a number."""
    found = days.select(pl.col(name).cast(pl.Float64) for name in names).to_numpy(order="c")
    values: Floats = np.abs(found)
    np.copysign(np.minimum(np.log1p(values, out=values), MOST, out=values), found, out=values)
    return values


def expanded(values: Floats) -> Floats:
    """The way back from `compressed`."""
    found: Floats = np.sign(values) * np.expm1(np.abs(values))
    return found
