"""Principal components: how much of a person-day cannot be told from how features usually go together."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA

from models.table import Floats
from models.whole import Whole


class Reconstruction(Whole):
    """The distance between a row and what is left of it in the components that carry `variance` of all (the Q statistic
    of J. E. Jackson and G. S. Mudholkar, Technometrics 21, 1979)."""

    def __init__(self, *, variance: float = 0.9, least: int = 50, chunk: int = 16_384) -> None:
        self.variance = variance
        self.least = least
        self.chunk = chunk

    def _learn_from(self, z: Floats) -> None:
        parts = PCA(n_components=self.variance, svd_solver="full").fit(z)
        self.mean_, self.components_ = parts.mean_, parts.components_

    def _odd(self, z: Floats) -> Floats:
        away = z - self.mean_
        odd: Floats = np.linalg.norm(away - away @ self.components_.T @ self.components_, axis=1)
        return odd
