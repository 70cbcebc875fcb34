"""Detectors that look at a day as a whole, not at one feature after the other."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Self

import numpy as np
import polars as pl

from core.errors import Refused
from models.detector import View
from models.deviation import Past, Peers
from models.table import Floats, compressed, staying

FAR = 10.0
"""What is further from usual than so many spreads is as far when learning."""


class Whole(Peers):
    """A detector of days that are unlike all others, measured by what is usual for people alike (else for everybody):
    nobody is odd for their job. Fewer than `least` days are too few to learn from; of a row, half of the features that
    ever vary must be known."""

    least: int

    def learn(self, past: Past) -> Self:
        super().learn(past)
        taught = self._taught(past.days)
        self.varies_ = np.ones(len(self.read_), dtype=bool)
        z = np.clip(self._view(taught).z, -FAR, FAR)
        self.varies_ = np.ptp(z, axis=0) > 0
        if not self.varies_.any():
            raise Refused("no feature of these person-days ever varies: there is nothing to learn")
        self._learn_from(z)
        return self

    @abstractmethod
    def _learn_from(self, z: Floats) -> None:
        """Learn from the distances of all rows."""

    def _learn(self, days: pl.DataFrame) -> None:
        self._taught(days)
        super()._learn(days)

    def _taught(self, days: pl.DataFrame) -> pl.DataFrame:
        taught = staying(days)
        if taught.height < self.least:
            raise Refused(f"{taught.height} person-days are too few to learn from: {self.least} are needed")
        return taught

    def _view(self, days: pl.DataFrame) -> View:
        known = ~np.isnan(compressed(days, self.read_))[:, self.varies_]
        return replace(super()._view(days), known=known.mean(axis=1) >= 0.5)
