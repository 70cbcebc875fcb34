"""Isolation Forest: how few random cuts set a person-day apart from all others. One vote, not the judge."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import IsolationForest

from models.table import Floats
from models.whole import FAR, Whole


class Forest(Whole):
    """F. T. Liu, K. M. Ting and Z.-H. Zhou, Isolation Forest, 2008; scikit-learn's, with scores between 0 and 1 that
    are higher where a day is odder."""

    def __init__(
        self, *, trees: int = 100, sample: int = 512, least: int = 50, random_state: int = 0, chunk: int = 16_384
    ) -> None:
        self.trees = trees
        self.sample = sample
        self.least = least
        self.random_state = random_state
        self.chunk = chunk

    def _learn_from(self, z: Floats) -> None:
        sample = min(self.sample, len(z))
        forest = IsolationForest(n_estimators=self.trees, max_samples=sample, random_state=self.random_state)
        self.forest_ = forest.fit(z.astype(np.float32))

    def _odd(self, z: Floats) -> Floats:
        # scikit-learn's are lower where a row is stranger.
        odd: Floats = -self.forest_.score_samples(np.clip(z, -FAR, FAR).astype(np.float32))
        return odd
