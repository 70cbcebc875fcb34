"""A person whose lines from one system stop, while those from others go on and the system itself is heard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from core.errors import RuleError
from detection.behaviours.base import FOUND, Behaviour, Scene
from detection.totals import Total, together
from detection.windows import TIME

Row = tuple[object, ...]


class Silence(Behaviour):
    """Of one of the `sources`, each the rules whose events show that somebody is heard of there, the person was heard
    on at least `least` of the `before` working days before, and then on none of the last `gap` working days, though on
    `present` of them elsewhere.

    Whoever is on leave is heard nowhere and not meant. Working days on which nobody at all was heard of the source are
    the system's silence: they do not count. Told on the first day with an event elsewhere on which it is so.
    """

    limit_by: ClassVar[str] = "gap"
    type: Literal["silence"]
    sources: Mapping[str, tuple[str, ...]] = Field(min_length=2, max_length=8)
    gap: int = Field(default=5, ge=2, le=30)
    present: int = Field(default=3, ge=1)
    before: int = Field(default=20, ge=5, le=60)
    least: int = Field(default=15, ge=2)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.present > self.gap or self.least > self.before:
            raise RuleError("behaviour: `present` is at most `gap`, and `least` at most `before`")
        if not all(self.sources.values()):
            raise RuleError("behaviour: every source has a rule")
        return self

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for rules in self.sources.values() for rule in rules))

    @property
    def fields(self) -> frozenset[str]:
        return frozenset()

    @property
    def memory(self) -> int:
        """Calendar days in which the working days lie that decide: holidays may lie between them."""
        return 2 * (self.before + self.gap) + 30

    @property
    def unit(self) -> str:
        return "working days"

    @property
    def reach(self) -> int:
        # The day before, which may be told already, has a past of its own.
        return self.memory + 2 * self.gap + 20

    def bears(self, first: date, last: date) -> tuple[date, date]:
        return first, last + timedelta(days=self.reach)

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        heard = [together(totals[name] for name in rules if name in totals) for rules in self.sources.values()]
        elsewhere = sum(source.events > 0 for source in heard) > 1
        least = timedelta(days=self.least)
        return elsewhere and any(source.events >= self.least and source.age >= least for source in heard)

    def find(self, scene: Scene) -> pl.DataFrame:
        heard = pl.concat(
            pl.concat(scene.hits[name] for name in rules)
            .select("person.id", "day", TIME)
            .with_columns(pl.lit(source).alias("of"))
            for source, rules in self.sources.items()
        )
        daily = (
            heard.group_by("person.id", "day").agg(pl.col("of").unique(), pl.col(TIME).min()).sort("person.id", "day")
        )
        asked = _Heard(self, scene)
        rows = [row for own in daily.partition_by("person.id", maintain_order=True) for row in self._person(own, asked)]
        return pl.DataFrame(
            rows, schema={**FOUND, "source": pl.String(), "observed": pl.Int64(), "limit": pl.Int64()}, orient="row"
        )

    def _person(self, own: pl.DataFrame, asked: _Heard) -> list[Row]:
        rows: list[Row] = []
        days = {day: (frozenset(of), time) for day, of, time in own.select("day", "of", TIME).iter_rows()}
        for source in self.sources:
            mine = {day for day, (of, _) in days.items() if source in of}
            if len(mine) < self.least:
                continue
            for earlier, day in pairwise(day for day in days if asked.working(day)):
                new = source not in days[day][0] and asked.silent(source, day, mine, days)
                if new and (earlier in mine or not asked.silent(source, earlier, mine, days)):
                    time = days[day][1]
                    rows.append((own["person.id"][0], day, time, time - timedelta(days=1), source, self.gap, self.gap))
        best = {(row[0], row[1]): row for row in reversed(rows)}
        return sorted(best.values(), key=lambda row: str(row[1]))


class _Heard:
    """Working days on which a source was heard of anybody, asked for once per source and month."""

    def __init__(self, rule: Silence, scene: Scene) -> None:
        self._rule, self._scene = rule, scene
        self._known: dict[tuple[str, date], frozenset[date]] = {}

    def working(self, day: date) -> bool:
        return self._scene.calendar.is_working_day(day)

    def silent(self, source: str, day: date, mine: set[date], days: Mapping[date, object]) -> bool:
        """Whether the person is silent there on that working day."""
        rule = self._rule
        if mine.intersection(day - timedelta(days=number) for number in range(rule.gap)):
            return False
        back = [day - timedelta(days=number) for number in range(rule.memory)]
        working = [one for one in back if self.working(one) and one in self._days(source, one)]
        gap, past = working[: rule.gap], working[rule.gap : rule.gap + rule.before]
        if mine.intersection(gap) or len(gap) < rule.gap or sum(one in days for one in gap) < rule.present:
            return False
        return len(mine.intersection(past)) >= rule.least

    def _days(self, source: str, day: date) -> frozenset[date]:
        first = day.replace(day=1)
        if (source, first) not in self._known:
            last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            self._known[source, first] = self._scene.company.days(self._rule.sources[source], first, last)
        return self._known[source, first]
