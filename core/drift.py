"""Whether the days of late are still those a model knows, as it is kept for whoever asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from core.model import Metric
from core.ports import Records

SETTING = "drift"
"""Where the last look is kept."""
APART, MANY = 0.25, 0.2
"""A feature whose index is beyond has other values than those learned from; more than so many of all are too many."""
RARE, FACTOR = 100.0, 3.0
"""Days said to be one in so many may be so many times more or fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A look at the champion, `looked`, by the days from `first` to `last`. `rare` is the share of these days said to
    be one in `RARE` or more, `psi` each feature's population stability index."""

    model: str
    looked: datetime
    first: date
    last: date
    person_days: int
    rare: Metric
    psi: Mapping[str, float]

    @property
    def apart(self) -> Sequence[str]:
        """Features that have drifted, the furthest first."""
        return sorted((name for name, value in self.psi.items() if value > APART), key=lambda name: -self.psi[name])

    @property
    def factor(self) -> float:
        """How many times as many days are said to be rare as should be."""
        return self.rare.value * RARE

    def problems(self) -> list[str]:
        """A sentence for each thing that is no longer as it was learned; none where that may be chance."""
        found = []
        if self.rare.low * RARE > FACTOR or self.rare.high * RARE < 1 / FACTOR:
            found.append(f"days said to be one in {RARE:.0f} are {self.factor:.2g} times as many as that")
        if len(self.apart) > MANY * len(self.psi):
            some = ", ".join(self.apart[:3])
            found.append(f"{len(self.apart)} of {len(self.psi)} features are no longer as learned ({some}, ...)")
        return found

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=lambda value: value.isoformat(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Drift:
        values: dict[str, Any] = json.loads(text)
        days = {name: date.fromisoformat(values[name]) for name in ("first", "last")}
        read = {"looked": datetime.fromisoformat(values["looked"]), "rare": Metric(**values["rare"])}
        return cls(**{**values, **days, **read})


def kept(records: Records) -> Drift | None:
    """The last look that was kept."""
    text = records.setting(SETTING)
    return Drift.from_json(text) if text else None
