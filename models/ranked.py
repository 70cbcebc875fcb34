"""How well scores set some person-days apart from others, with intervals by drawing persons anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.model import Metric
from models.table import Floats, Ints

FALSE_RATES = (0.001, 0.01, 0.05)
"""Shares of the others that may be called odd."""
DRAWS = 200
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores, the higher the odder, and the number of whose each is. A score of nobody's is no number."""

    scores: Floats
    who: Ints

    @property
    def persons(self) -> int:
        return len(np.unique(self.who))


def rate_name(rate: float) -> str:
    return f"recall_at_{rate:.1%}_false"


def compared(
    groups: Mapping[str, Scored], others: Scored, *, seed: int = 0, draws: int = DRAWS
) -> dict[str, tuple[Metric, ...]]:
    """Of each group against the others: `auc`, the area under the ROC curve (a tie is half a success); `ap`, average
    precision; and the share of the group above the limit that at most such a share of the others is above
    (`FALSE_RATES`). Intervals hold 95 % of what comes out when the persons of the group and the other persons are each
    drawn anew, with all their scores. Nothing of an empty group, or against nobody."""
    order = np.argsort(others.scores, kind="stable")
    levels, theirs = others.scores[order], _numbered(others.who[order])
    some = {name: group for name, group in groups.items() if len(group.scores)}
    if not len(levels):
        return {}
    ranked = {name: _Ranked.of(group, levels) for name, group in some.items()}
    sums = np.arange(len(levels) + 1, dtype=np.float64)
    found = {name: one.measures(sums, np.ones(len(one.who)), levels) for name, one in ranked.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in ranked}
    chance = np.random.default_rng(seed)
    for _ in range(draws):
        weights = _drawn(theirs.max() + 1, chance)[theirs]
        sums = np.concatenate([[0.0], np.cumsum(weights)])
        for name, one in ranked.items():
            drawn[name].append(one.measures(sums, _drawn(one.who.max() + 1, chance)[one.who], levels))
    return {name: _metrics(found[name], np.array(drawn[name])) for name in ranked}


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A group from the highest score down: between which of the others' ordered scores each lies, how many of the group
    are at least as high, and whose each is."""

    scores: Floats
    low: Ints
    high: Ints
    least: Ints
    who: Ints

    @classmethod
    def of(cls, group: Scored, levels: Floats) -> _Ranked:
        order = np.argsort(-group.scores, kind="stable")
        scores = group.scores[order]
        return cls(
            scores,
            np.searchsorted(levels, scores, "left").astype(np.int64),
            np.searchsorted(levels, scores, "right").astype(np.int64),
            np.searchsorted(-scores, -scores, "right").astype(np.int64),
            _numbered(group.who[order]),
        )

    def measures(self, sums: Floats, weight: Floats, levels: Floats) -> Floats:
        """`auc`, `ap` and the recalls, where the others below each place weigh `sums`, and the scores `weight`."""
        whole, own = sums[-1], weight.sum()
        auc = (weight * (sums[self.low] + sums[self.high]) / 2).sum() / (own * whole)
        true = np.concatenate([[0.0], np.cumsum(weight)])[self.least]
        precision = true / np.maximum(true + whole - sums[self.low], 1e-12)
        found = [auc, (weight * precision).sum() / own]
        for rate in FALSE_RATES:
            # The first place that enough of the others lie below; what equals the score below it is not above.
            place = int(np.searchsorted(sums, whole * (1 - rate) - 1e-9, "left"))
            limit = levels[place - 1] if place else -np.inf
            found.append(weight[self.scores > limit].sum() / own)
        return np.array(found)


def _numbered(who: Ints) -> Ints:
    return np.unique(who, return_inverse=True)[1].astype(np.int64)


def _drawn(persons: int, chance: np.random.Generator) -> Floats:
    """How often each of so many persons is drawn."""
    return np.bincount(chance.integers(0, persons, persons), minlength=persons).astype(np.float64)


def _metrics(found: Floats, drawn: Floats) -> tuple[Metric, ...]:
    names = ("auc", "ap", *(rate_name(rate) for rate in FALSE_RATES))
    low, high = np.quantile(drawn, INTERVAL, axis=0) if len(drawn) else (found, found)
    return tuple(
        Metric(name=name, value=float(value), low=float(min(below, value)), high=float(max(above, value)))
        for name, value, below, above in zip(names, found, low, high, strict=True)
    )


def above(scores: Sequence[float], most: int) -> float:
    """The limit that so many of the scores at most are above."""
    ordered = sorted(scores, reverse=True)
    return ordered[most] if most < len(ordered) else -np.inf
