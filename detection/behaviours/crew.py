"""Several people who carry things to the same place outside, which nobody wrote to before."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import ClassVar, Literal, NamedTuple, Self

import polars as pl
from pydantic import Field, model_validator

from core.alert import CREW, OTHERS, PLACE, SEPARATOR
from core.canonical import content_id
from core.errors import RuleError
from core.schema import SCHEMA
from detection.behaviours.base import FOUND, Behaviour, Scene, told_apart
from detection.windows import TIME

CREWS = {**FOUND, CREW: pl.String(), PLACE: pl.String(), OTHERS: pl.String(), "observed": pl.Int64()}
Row = tuple[str, date, datetime, datetime, str, str, str, int]


class _Deed(NamedTuple):
    time: datetime
    day: date
    person: str
    team: str
    amount: int


class Crew(Behaviour):
    """At least `people` of one department have each taken out at least `each` (sum of `amount`) to the same value of
    `by`, all within `within` days; nobody in the company went there in the `unknown` days before, and no more than
    `at_most` people did at all.

    Found on every day on which the group comes to be or grows, of every member, with what was known that day. The fact
    `crew` is the same for all of them and all days; `others` names the other members.
    """

    limit_by: ClassVar[str] = "people"
    type: Literal["crew"]
    rules: tuple[str, ...] = Field(min_length=1)
    by: str = "email.to.address"
    amount: str = "data.bytes"
    each: int = Field(ge=1)
    people: int = Field(default=3, ge=2, le=20)
    at_most: int = Field(default=12, ge=2, le=50)
    within: int = Field(default=21, ge=1, le=90)
    unknown: int = Field(default=60, ge=0, le=300)
    department: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Self:
        told_apart(self.by)
        if self.amount not in SCHEMA or SCHEMA[self.amount] != pl.Int64():
            raise RuleError(f"behaviour: {self.amount} is not a stored number")
        return self

    @property
    def crowd(self) -> str:
        return self.by

    @property
    def bases(self) -> tuple[str, ...]:
        return self.rules

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({self.by, self.amount})

    @property
    def unit(self) -> str:
        return "people"

    @property
    def reach(self) -> int:
        # A group that was found before in the same window was found with its own past.
        return 2 * self.within + self.unknown

    def find(self, scene: Scene) -> pl.DataFrame:
        places = scene.events.filter(pl.col(self.by).is_not_null()).partition_by(self.by, as_dict=True)
        found = [
            row
            for _, place in sorted(places.items())
            if place["person.id"].n_unique() >= self.people
            for row in self._place(place.sort(TIME, "event.id"))
        ]
        return pl.DataFrame(found, schema=CREWS, orient="row").with_columns(pl.lit(self.people).alias("limit"))

    def _place(self, events: pl.DataFrame) -> Iterator[Row]:
        """What is found about one place, from its events in order."""
        rows: dict[tuple[str, date], Row] = {}
        known: dict[str, tuple[datetime, frozenset[str]]] = {}
        place = str(events[self.by][0])
        crew = content_id("crew", self.by, place)
        for window, team in self._windows(events):
            time, day = window[-1].time, window[-1].day
            members = self._members(window, team)
            since, before = known.get(team, (time, frozenset()))
            if since > time - timedelta(days=self.within) and members <= before:
                continue
            known[team] = (time, members)
            for member in members:
                _, _, first, *_ = rows.get((member, day), (member, day, time))
                others = SEPARATOR.join(sorted(members - {member}))
                rows[member, day] = (member, day, first, window[0].time, crew, place, others, len(members))
        yield from rows.values()

    def _windows(self, events: pl.DataFrame) -> Iterator[tuple[deque[_Deed], str]]:
        """At each event what went to the place within the window, where nobody went there before it."""
        window: deque[_Deed] = deque()
        last: datetime | None = None
        team = pl.col("person.department").fill_null("") if self.department else pl.lit("")
        for row in events.select(TIME, "day", "person.id", team, pl.col(self.amount).fill_null(0)).iter_rows():
            window.append(_Deed(*row))
            while window[0].time <= window[-1].time - timedelta(days=self.within):
                last = window.popleft().time
            unknown = last is None or last <= window[-1].time - timedelta(days=self.within + self.unknown)
            if unknown and len({deed.person for deed in window}) <= self.at_most:
                yield window, window[-1].team

    def _members(self, window: Iterable[_Deed], team: str) -> frozenset[str]:
        taken: Counter[str] = Counter()
        for deed in window:
            if deed.team == team:
                taken[deed.person] += deed.amount
        members = frozenset(person for person, amount in taken.items() if amount >= self.each)
        return members if len(members) >= self.people else frozenset()
