"""Several who leave a department in the same weeks and have taken the same files or records, which few others use."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import combinations, product
from typing import ClassVar, Literal, NamedTuple, Self

import polars as pl
from pydantic import Field, model_validator

from core.alert import CREW, OTHERS, PLACE, SEPARATOR
from core.canonical import content_id
from detection.behaviours.base import FOUND, Behaviour, Scene, told_apart
from detection.behaviours.company import Notice
from detection.totals import Total, together
from detection.windows import TIME

SHARED = "shared"
A_QUARTER = 92
"""Days that notices may lie from each other where the last days are those of the same weeks."""
FOUND_OF_CREWS = {
    **FOUND,
    CREW: pl.String(),
    PLACE: pl.String(),
    OTHERS: pl.String(),
    "observed": pl.Int64(),
    SHARED: pl.List(pl.String()),
}


class _Tie(NamedTuple):
    """Two persons who are tied from `time` on by what they share, each thing since a moment."""

    time: datetime
    persons: tuple[str, str]
    since: Mapping[str, datetime]


class _Pair(NamedTuple):
    """Two notices in the same weeks, and what both persons took around their own, since when; and the moments at which
    each of them took anything for the first time, in order."""

    notices: tuple[Notice, Notice]
    persons: tuple[str, str]
    since: Mapping[str, datetime]
    taken: tuple[Sequence[datetime], Sequence[datetime]]


class Common(Behaviour):
    """At least `people` of one department, whose notices lie at most `apart` days from each other's, or whose last days
    do and whose notices a quarter at most, have each taken `common` values of `field` that another of them took too,
    from `before` days before the own notice to `after` days after it. A value counts where no more than `at_most`
    people of the company had taken it in the `unknown` days before the day on which both had; and together they are at
    least `share` of what either of the two had taken by then, or whoever takes everything would be of a crew with
    everybody.

    Who is at the stage `pre_departure` is tied to leavers only, and only by what that one had taken before the leaver's
    notice: afterwards a handover looks the same.

    Leaving together ties nobody, nor do files that everybody uses. Found on every day on which the group comes to be or
    grows, of every member, with the notices known by then; who joined more than `apart` days ago is no longer named.
    The fact `crew` goes by the two who were tied first of those who are named, so it stays whoever joins them.
    """

    limit_by: ClassVar[str] = "common"
    type: Literal["common"]
    rules: tuple[str, ...] = Field(min_length=1)
    field: str = "file.name"
    common: int = Field(default=10, ge=2)
    people: int = Field(default=2, ge=2, le=20)
    at_most: int = Field(default=6, ge=2, le=50)
    apart: int = Field(default=28, ge=1, le=90)
    before: int = Field(default=45, ge=1, le=120)
    after: int = Field(default=30, ge=1, le=120)
    unknown: int = Field(default=60, ge=1, le=120)
    share: float = Field(default=0.1, gt=0, le=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        told_apart(self.field)
        return self

    @property
    def crowd(self) -> str:
        return self.field

    @property
    def bases(self) -> tuple[str, ...]:
        return self.rules

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({self.field})

    @property
    def unit(self) -> str:
        return self.field

    @property
    def reach(self) -> int:
        # A tie may be `apart` days old, a notice of it `after` days older, the other one a quarter more.
        return self.apart + self.before + self.after + max(self.unknown, A_QUARTER, self.apart)

    def bears(self, first: date, last: date) -> tuple[date, date]:
        return first + timedelta(days=1), last + timedelta(days=self.reach)

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        return together(totals.values()).events >= self.common

    def find(self, scene: Scene) -> pl.DataFrame:
        """As of any behaviour, from takings: rows of `person.id`, `day`, @timestamp, `field` of leavers of one
        department. The column `shared` has the values."""
        pairs = list(self._pairs(scene))
        ties = sorted(self._ties(pairs, scene), key=lambda tie: (tie.time, tie.persons))
        rows = list(self._growing(ties, scene))
        frame = pl.DataFrame(rows, schema=FOUND_OF_CREWS, orient="row")
        return frame.with_columns(pl.lit(self.common).alias("limit"))

    def _pairs(self, scene: Scene) -> Iterator[_Pair]:
        takings = scene.events.filter(pl.col(self.field).is_not_null())
        own = {str(name): rows for (name,), rows in takings.partition_by("person.id", as_dict=True).items()}
        notices = {person: scene.company.notices(person) for person in own}
        taken = {
            (person, notice): self._around(notice, rows) for person, rows in own.items() for notice in notices[person]
        }
        for one, other in combinations(sorted(own), 2):
            for mine, yours in product(notices[one], notices[other]):
                if (mine.guess and yours.guess) or not self._same_weeks(mine, yours):
                    continue
                here, there = taken[one, mine], taken[other, yours]
                since = {
                    value: max(here[value], there[value])
                    for value in here.keys() & there.keys()
                    if not (mine.guess and here[value] >= yours.filed)
                    and not (yours.guess and there[value] >= mine.filed)
                }
                if len(since) >= self.common:
                    taken_by = (sorted(here.values()), sorted(there.values()))
                    yield _Pair((mine, yours), (one, other), since, taken_by)

    def _same_weeks(self, one: Notice, other: Notice) -> bool:
        apart, filed = timedelta(days=self.apart), abs(one.filed - other.filed)
        lasts = (one.last_day, other.last_day)
        near = lasts[0] and lasts[1] and abs(lasts[0] - lasts[1]) <= apart
        return filed <= apart or (bool(near) and filed <= timedelta(days=A_QUARTER))

    def _around(self, notice: Notice, rows: pl.DataFrame) -> dict[str, datetime]:
        """When each value was first taken around a notice."""
        start, end = notice.filed - timedelta(days=self.before), notice.filed + timedelta(days=self.after)
        inside = rows.filter(pl.col(TIME).is_between(start, min(end, notice.until)))
        return dict(inside.group_by(self.field).agg(pl.col(TIME).min()).iter_rows())

    def _ties(self, pairs: Sequence[_Pair], scene: Scene) -> Iterator[_Tie]:
        """The first moment at which two persons share enough that few others use."""
        wanted = sorted({value for pair in pairs for value in pair.since})
        if not wanted:
            return
        days = [scene.calendar.day_of(moment) for pair in pairs for moment in pair.since.values()]
        first, last = min(days) - timedelta(days=self.unknown), max(days)
        takers = scene.company.takers(self.rules, self.field, wanted, first, last)
        best: dict[tuple[str, str], _Tie] = {}
        for pair in pairs:
            since = {
                value: moment
                for value, moment in pair.since.items()
                if self._of_few(takers.get(value, ()), scene.calendar.day_of(moment))
            }
            time = self._enough(sorted(since.values()), pair)
            if time and (pair.persons not in best or time < best[pair.persons].time):
                best[pair.persons] = _Tie(time, pair.persons, since)
        yield from best.values()

    def _enough(self, since: Sequence[datetime], pair: _Pair) -> datetime | None:
        """The first moment, while both notices hold, at which so much was in common of what each had taken."""
        known = max(notice.filed for notice in pair.notices)
        for moment in dict.fromkeys(max(one, known) for one in since[self.common - 1 :]):
            if moment >= min(notice.until for notice in pair.notices):
                return None
            most = max(bisect_right(taken, moment) for taken in pair.taken)
            if bisect_right(since, moment) >= self.share * most:
                return moment
        return None

    def _of_few(self, takers: Iterable[tuple[str, date]], day: date) -> bool:
        """Whether few had taken a value before a day; what is taken that day shows on the next, whoever is judged
        first."""
        first = day - timedelta(days=self.unknown)
        return len({person for person, when in takers if first <= when < day}) <= self.at_most

    def _growing(self, ties: Sequence[_Tie], scene: Scene) -> Iterator[tuple[object, ...]]:
        """A row for each member and day on which a group comes to be or grows."""
        rows: dict[tuple[str, date], tuple[object, ...]] = {}
        for place, tie in enumerate(ties):
            recent = [one for one in ties[: place + 1] if one.time > tie.time - timedelta(days=self.apart)]
            before = _group_of(tie.persons[0], recent[:-1])
            members = _group_of(tie.persons[0], recent)
            if tie.persons[1] in before or len(members) < self.people:
                continue
            day = scene.calendar.day_of(tie.time)
            began = next(one for one in recent if one.persons[0] in members)
            crew = content_id("crew", self.field, *began.persons)
            for member in members:
                own = [one for one in recent if member in one.persons]
                shared = sorted({v for one in own for v, since in one.since.items() if since <= tie.time})
                first = rows[member, day][2] if (member, day) in rows else tie.time
                start = tie.time - timedelta(days=self.apart + self.before + self.after)
                others = SEPARATOR.join(sorted(members - {member}))
                rows[member, day] = (member, day, first, start, crew, "", others, len(shared), shared)
        yield from rows.values()


def _group_of(person: str, ties: Iterable[_Tie]) -> frozenset[str]:
    """Everybody who is tied to a person, also through others."""
    tied = [set(tie.persons) for tie in ties]
    group = {person}
    while more := set().union(*(pair for pair in tied if pair & group)) - group:
        group |= more
    return frozenset(group)
