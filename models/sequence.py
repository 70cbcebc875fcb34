"""In which order actions follow each other: a Markov chain of each person, backed by people alike and by everybody."""

from __future__ import annotations

from typing import Self

import numpy as np
import polars as pl

from models.detector import View
from models.deviation import Deviation, Past
from models.features import STEPS
from models.groups import Groups
from models.hows import CLASSES
from models.table import Floats, compressed, expanded, staying
from models.usual import NEEDS, Usual

WIDTH = len(CLASSES)
FAR = 10.0
"""A day that is further from what is expected says no more of how far days are."""


class Sequence(Deviation):
    """How much oftener than expected one class of actions followed another, given how often anything followed the first
    that day. Expected is what the person's own chain says, whose steps count against `prior` of those of people alike,
    and theirs against `prior` of everybody's (back-off by credibility). The spread is that of a Poisson number, as many
    times wider as days were from what was expected of them. No score where fewer than `prior` steps are known of the
    person and people alike."""

    needs = (*NEEDS, *STEPS)

    def __init__(self, *, prior: float = 50.0, chunk: int = 16_384) -> None:
        self.prior = prior
        self.chunk = chunk

    @staticmethod
    def reads(name: str) -> bool:
        return name in STEPS

    def learn(self, past: Past) -> Self:
        self._chains(*self._compared(past))
        if (taught := staying(past.days)).height:
            away = np.minimum(np.abs(self._view(taught).z), FAR)
            self.wider_ = np.maximum(np.square(away).mean(axis=0), 1)
        return self

    def _chains(self, usual: Usual, groups: Groups) -> None:
        own = _square(np.zeros((len(usual.persons) + 1, usual.steps.shape[1])))
        np.add.at(own, usual.person, _square(usual.steps))
        alike = np.zeros((len(groups.names), *own.shape[1:]))
        np.add.at(alike, groups.person, own[:-1])
        everybody = alike.sum(axis=0) + 1
        self.alike_ = self._chain(alike, everybody / everybody.sum(axis=-1, keepdims=True))
        self.own_ = self._chain(own, self.alike_[np.append(groups.person, -1)])
        self.own_steps_, self.alike_steps_ = own.sum(axis=(1, 2)), alike.sum(axis=(1, 2))
        self.alike_steps_[-1] = 0  # everybody is nobody alike
        self.wider_ = np.ones(len(usual.names))

    def _chain(self, steps: Floats, wider: Floats) -> Floats:
        """How likely each class follows each, where `prior` steps of each class are as the wider chain says."""
        found: Floats = (steps + self.prior * wider) / (steps.sum(axis=-1, keepdims=True) + self.prior)
        return found

    def _view(self, days: pl.DataFrame) -> View:
        person, group, _, moved = self._who(days)
        mine = (self.own_steps_[person] > 0) & ~moved
        chain = np.where(mine[:, None, None], self.own_[person], self.alike_[group])
        known = np.where(mine, self.own_steps_[person], 0) + self.alike_steps_[group] >= self.prior
        values = compressed(days, self.read_)
        whole = _square(np.nan_to_num(expanded(values))).sum(axis=-1, keepdims=True)
        number = (chain * whole).reshape(values.shape)
        centre, scale = np.log1p(number), np.sqrt(self.wider_ * (number + 0.25)) / (1 + number)
        z = np.nan_to_num((values - centre) / scale)
        return View(z=z, centre=centre, scale=scale, usual=centre, known=known)


def _square(steps: Floats) -> Floats:
    """From each class to each."""
    return steps.reshape(len(steps), WIDTH, -1)
