"""A day that a model finds unlike what it learned from: the findings of the model that judges, as events of a rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import log10
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from core.alert import Fact
from core.model import KEPT, ODD, Driver, Vote, votes_from_json
from detection.behaviours.base import FOUND, Behaviour, Scene
from detection.windows import TIME

ONE_IN, VOTES = "model.one_in", "model.votes"
"""Columns of a finding as an event."""
TOLD = 3
"""How many features a finding names."""
UNIT = "person-days"


class Unusual(Behaviour):
    """The model that judges says of a person's day that there is one like it in at least `one_in` person-days. It says
    so at the end of the company day.

    The events are those of the day; where the features that drove the finding count events of some actions, those. The
    facts name the three features that drove it, each with its value, its `usual` and what would have been `enough`.
    """

    limit_by: ClassVar[str] = "one_in"
    type: Literal["unusual"]
    one_in: int = Field(default=ODD, ge=KEPT, le=10**9)

    @property
    def bases(self) -> tuple[str, ...]:
        return ()

    @property
    def fields(self) -> frozenset[str]:
        return frozenset()

    @property
    def unit(self) -> str:
        return UNIT

    @property
    def reach(self) -> int:
        return 0

    def find(self, scene: Scene) -> pl.DataFrame:
        rare = scene.events.filter(pl.col(ONE_IN) >= self.one_in)
        rows = [
            {
                "person.id": person,
                "day": day,
                "time": time,
                "from": time,
                "observed": int(one_in),
                "limit": self.one_in,
                **told(votes_from_json(votes), self.one_in),
                VOTES: votes,
            }
            for person, day, time, one_in, votes in rare.select("person.id", "day", TIME, ONE_IN, VOTES).iter_rows()
        ]
        return pl.DataFrame(rows, schema_overrides=FOUND, infer_schema_length=None) if rows else _NOTHING


_NOTHING = pl.DataFrame(schema=FOUND)


def told(votes: Sequence[Vote], limit: float) -> dict[str, Fact]:
    """The facts of a finding: how many detectors call the day rare, and the features that drove them."""
    drivers = strongest(votes)
    facts: dict[str, Fact] = {
        "agree": sum(vote.one_in >= limit for vote in votes),
        "detectors": len(votes),
        "drivers": ", ".join(driver.en for driver in drivers) or "–",
        "drivers_zh": "、".join(driver.zh for driver in drivers) or "–",
    }
    for driver in drivers:
        facts |= {driver.feature: driver.value, f"{driver.feature} usual": driver.usual}
        facts |= {} if driver.enough is None else {f"{driver.feature} enough": driver.enough}
    return facts


def strongest(votes: Sequence[Vote]) -> list[Driver]:
    """The features that did most for all votes together, each as the vote tells it that would change with it alone, or
    that is the rarest."""
    weights: dict[str, float] = defaultdict(float)
    best: dict[str, tuple[bool, float, Driver]] = {}
    for vote in votes:
        for driver in vote.drivers:
            weight = driver.share * log10(max(vote.one_in, 1))
            weights[driver.feature] += weight
            one = (driver.enough is not None, weight, driver)
            best[driver.feature] = max(best.get(driver.feature, one), one, key=lambda known: known[:2])
    ranked = sorted(weights, key=lambda feature: (-weights[feature], feature))
    return [best[feature][2] for feature in ranked[:TOLD]]
