"""What every kind of behaviour is: parameters that stand in a rule, and a pure function over tagged events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, get_args

import polars as pl
from pydantic import BaseModel, ConfigDict

from core.calendar import CompanyCalendar
from core.errors import RuleError
from core.schema import SCHEMA
from detection.behaviours.company import Company
from detection.totals import Total
from detection.windows import TIME, Measure, Windows, window_totals

if TYPE_CHECKING:
    from detection.holding import Past

FOUND = {"person.id": pl.String(), "day": pl.Date(), "time": pl.Datetime("us", "UTC"), "from": pl.Datetime("us", "UTC")}
"""The least columns of what is found; every other column becomes a fact of the match."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is looked at: the events that each rule hit, joined, with `day`; of each event one row per rule."""

    hits: Mapping[str, pl.DataFrame]
    calendar: CompanyCalendar
    company: Company
    past: Past | None = None

    @cached_property
    def events(self) -> pl.DataFrame:
        """Every event once, by person and time."""
        return _in_order(self.hits.values())

    def events_of(self, persons: Collection[str]) -> pl.DataFrame:
        """Some persons' events."""
        wanted = pl.col("person.id").is_in(sorted(persons))
        return _in_order(frame.filter(wanted) for frame in self.hits.values())


def _in_order(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames).unique("event.id").sort("person.id", TIME, "event.id")


def window_total(events: pl.DataFrame, field: str | None, kind: str, span: timedelta) -> pl.Series:
    """What the window that ends at each row holds of the person's events, which are sorted by person and time."""
    windows = Windows.of(events, ["person.id"], span)
    return window_totals(events, windows, Measure(kind, (field,) if field else ()))


def counted(field: str | None) -> None:
    """Raises `RuleError` for what can neither be added up nor told apart."""
    if field is not None and SCHEMA.get(field) not in (pl.String(), pl.Int64()):
        raise RuleError(f"behaviour: {field} is not a stored keyword or number")


def told_apart(field: str) -> None:
    """Raises `RuleError` for what is no stored keyword."""
    if SCHEMA.get(field) != pl.String():
        raise RuleError(f"behaviour: {field} is not a stored keyword")


class Behaviour(BaseModel, ABC):
    """The parameters of one kind of behaviour. Without `generate`, rules that it builds on raise no alerts of their
    own."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    limit_by: ClassVar[str]
    """The parameter that is the least `observed` at which anything is found; somebody's own past may ask for more."""
    generate: bool = False

    @classmethod
    def kind(cls) -> str:
        """The word that stands behind `type:` in a rule."""
        (word,) = get_args(cls.model_fields["type"].annotation)
        return str(word)

    @property
    def least_observed(self) -> float:
        """The value of the parameter `limit_by`."""
        return float(getattr(self, self.limit_by))

    @property
    @abstractmethod
    def bases(self) -> tuple[str, ...]:
        """The single-event rules it looks at."""

    @property
    @abstractmethod
    def fields(self) -> frozenset[str]:
        """The fields it needs of their events."""

    @property
    @abstractmethod
    def unit(self) -> str:
        """What `observed` counts: `events`, a field, or one of the words that `explain` knows."""

    @property
    @abstractmethod
    def reach(self) -> int:
        """How many days before a day bear on it."""

    @property
    def crowd(self) -> str | None:
        """A field whose values tie persons together: events of others with the same values are looked at, too.
        `observed` is then how many people."""
        return None

    @property
    def window(self) -> int:
        """How many of these are read again where `past` knows the days before."""
        return self.reach

    def bears(self, first: date, last: date) -> tuple[date, date] | None:  # noqa: ARG002
        """The days on which events of others between two days bear; None where none of others' do, or only of those
        whom `crowd` ties."""
        return None

    @property
    def summed(self) -> tuple[str, ...]:
        """Numbers whose sums `may_find` looks at."""
        return ()

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        """Whether anything can be found about a person with these totals by rule, of the rules that may have hit."""
        return bool(totals)

    @abstractmethod
    def find(self, scene: Scene) -> pl.DataFrame:
        """The columns of `FOUND` and facts: at most one row per person and day, of a crowd and place."""
