"""What the kinds that find a little every day have in common: how long runs of days are, and what is before them."""

from __future__ import annotations

from abc import ABC
from datetime import date
from typing import ClassVar

from pydantic import Field

from detection.behaviours.base import Behaviour
from detection.behaviours.company import months_after
from detection.behaviours.runs import Search


class Little(Behaviour, ABC):
    """A run of up to `run` days against the `history` days before it, of which at least `min_history` are working days
    of one's own; without the ends of quarters unless `quarter_end`. Colleagues are looked at as they were in the
    `history` days before the month began."""

    limit_by: ClassVar[str] = "limit"
    limit: float = Field(gt=0, allow_inf_nan=False)
    run: int = Field(default=30, ge=2, le=90)
    history: int = Field(default=60, ge=7, le=300)
    min_history: int = Field(default=10, ge=1, le=90)
    quarter_end: bool = True

    @property
    def search(self) -> Search:
        return Search(run=self.run, history=self.history, min_history=self.min_history)

    @property
    def reach(self) -> int:
        return self.search.reach

    @property
    def window(self) -> int:
        return self.run

    def bears(self, first: date, last: date) -> tuple[date, date]:
        return months_after(first, last, self.history)
