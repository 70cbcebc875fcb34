"""What each company day holds of everybody, kept by parts of the people; what is missing is read for all of them at
once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import polars as pl

from models.daily import Daily
from models.features import REACH
from models.keptfiles import DAYS_AT_ONCE, Files, days_between, runs_of
from models.parts import Part
from models.reading import EPOCH, Some, Source, days_of
from models.remembered import as_daily, as_long, shortened
from models.seen import Seen
from models.stable import number_of

DAYS, MORE = ".days.parquet", ".more.parquet"
PERSON_DAYS_AT_ONCE = 30_000
ACCOUNTS_AT_ONCE = 30_000
"""Whose events are read in one question; Elasticsearch takes 65,536 names."""


class DailyFiles:
    """`models.daily` of days and parts, by the marks of what the store holds of them."""

    def __init__(self, files: Files, source: Source, parts: Sequence[Part], seen: Seen) -> None:
        self._files, self._source, self._parts, self._seen = files, source, parts, seen

    def behind(self, part: Part, first: date, last: date) -> Daily:
        """All that rows from `first` to `last` of a part's persons, numbered by their place, depend on."""
        days = [day for day in days_between(first - timedelta(days=REACH), last) if self._seen.mark(part, day)]
        if not days:
            return Daily.together([])
        start, end = ((day - EPOCH).days for day in (first, last))
        place = place_of(part)
        held, more = (
            self._files.gathered(place, {day: self._name(part, day) + kind for day in days}, self._make, narrow)
            for kind, narrow in ((DAYS, pl.LazyFrame.lazy), (MORE, lambda more: shortened(more, start, end)))
        )
        return as_daily(held, more, {number_of(person): number for number, person in enumerate(part.persons)})

    def _make(self, days: Sequence[date]) -> None:
        """Read and keep these days of all parts that lack them."""
        persons = sum(len(part.persons) for part in self._parts)
        for first, last in runs_of(days, max(1, min(DAYS_AT_ONCE, PERSON_DAYS_AT_ONCE // persons))):
            lacking = [part for part in self._parts if any(self._lacks(part, day) for day in days_between(first, last))]
            for some in self._together(lacking):
                self._read(some, first, last)

    def _lacks(self, part: Part, day: date) -> bool:
        name, place = self._name(part, day), place_of(part)
        there = all(self._files.has(place, name + kind) for kind in (DAYS, MORE))
        return bool(self._seen.mark(part, day)) and not there

    def _together(self, parts: Sequence[Part]) -> Iterator[list[Part]]:
        """Parts whose accounts can be asked for at once."""
        some: list[Part] = []
        accounts = 0
        for part in parts:
            more = sum(len(self._seen.spans[person]) for person in part.persons)
            if some and accounts + more > ACCOUNTS_AT_ONCE:
                yield some
                some, accounts = [], 0
            some, accounts = [*some, part], accounts + more
        if some:
            yield some

    def _read(self, parts: Sequence[Part], first: date, last: date) -> None:
        persons = [person for part in parts for person in part.persons]
        accounts = [frozenset(account for account, _, _ in self._seen.spans[person]) for person in persons]
        some = Some(persons, accounts, {place: first for place, own in enumerate(accounts) if own})
        numbers = pl.DataFrame(
            [(number_of(person), part.number) for part in parts for person in part.persons],
            schema={"who": pl.UInt64(), "part": pl.Int64()},
            orient="row",
        )
        lacking = [(part, day) for part in parts for day in days_between(first, last) if self._lacks(part, day)]
        both = as_long(days_of(some, self._source, first, last), numbers["who"].to_list())
        for frame, kind, order in zip(both, (DAYS, MORE), (["who"], ["who", "kind", "key"]), strict=True):
            of = frame.join(numbers, on="who").sort(order).partition_by("part", "day", as_dict=True)
            for part, day in lacking:
                key = part.number, (day - EPOCH).days
                own = of[key].drop("part") if key in of else frame.clear()
                self._files.write(place_of(part), self._name(part, day) + kind, own)

    def _name(self, part: Part, day: date) -> str:
        return f"{day.isoformat()}-{self._seen.mark(part, day):016x}"


def place_of(part: Part) -> str:
    """Where files of a part lie."""
    return f"{part.number}"
