"""Events of some persons read from the store, in pieces that fit into memory, and made into days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from core.calendar import CompanyCalendar
from core.condition import Has
from core.directory import ALWAYS, NEVER, Directory
from core.ports import EventQuery, EventReader
from models.daily import Daily, daily
from models.events import COLUMNS, customer, marked
from models.features import BOOK
from models.own_past import Floats

EVENTS_AT_ONCE = 400_000
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Source:
    """What rows are made from. `book` keeps how many customers the book of a month has, by its first day since 1970."""

    reader: EventReader
    directory: Directory
    domains: frozenset[str]
    book: dict[int, int]

    @property
    def calendar(self) -> CompanyCalendar:
        return self.directory.calendar

    def books(self, months: pl.Series) -> Floats:
        """How many customers the book of each month (its first day) has; NaN where it has none."""
        for month in months.unique().to_list():
            if (number := (month - EPOCH).days) not in self.book:
                before = EventQuery(
                    start=self.calendar.start_of(month - timedelta(days=BOOK)),
                    end=self.calendar.start_of(month),
                    condition=Has("crm.record_id"),
                )
                seen = self.reader.totals(before, ["event.module", "crm.record_id"])
                self.book[number] = seen.select(customer().alias("one"))["one"].drop_nulls().n_unique()
        numbers = months.cast(pl.Int32).cast(pl.Int64)
        known = numbers.replace_strict(self.book, return_dtype=pl.Float64).to_numpy()
        return np.where(known > 0, known, np.nan)


@dataclass(frozen=True, slots=True)
class Some:
    """Persons computed together, numbered by their place: the accounts of each, and when the events of each begin."""

    persons: Sequence[str]
    accounts: Sequence[frozenset[str]]
    began: Mapping[int, date]

    @classmethod
    def of(cls, persons: Sequence[str], source: Source, last: date) -> Some:
        end = source.calendar.end_of(last)
        owned: dict[tuple[datetime, datetime], list[tuple[str, int]]] = defaultdict(list)
        for number, person in enumerate(persons):
            for account, since, until in source.directory.spans_of(person):
                owned[since, until].append((account, number))
        began: dict[int, datetime] = {}
        for (since, until), owners in owned.items():
            query = EventQuery(
                start=None if since == ALWAYS else since,
                end=end if until == NEVER else min(end, until),
                accounts=frozenset(account for account, _ in owners),
            )
            times = source.reader.totals(query, ["user.account"], times=True)
            begins = dict(times.select("user.account", "since").iter_rows())
            for account, number in owners:
                if account in begins:
                    began[number] = min(begins[account], began.get(number, NEVER))
        accounts: list[set[str]] = [set() for _ in persons]
        for account, number in (pair for owners in owned.values() for pair in owners):
            accounts[number].add(account)
        days = {number: source.calendar.day_of(moment) for number, moment in began.items()}
        return cls(persons, [frozenset(own) for own in accounts], days)


def days_of(some: Some, source: Source, first: date, last: date) -> Daily:
    """What their days from `first` to `last` hold."""
    pieces = _pieces(some, sorted(some.began), source, first, last)
    return Daily.together([_daily(some, numbers, source, start, end) for numbers, start, end in pieces])


def _asked(some: Some, numbers: Sequence[int], source: Source, first: date, last: date) -> EventQuery:
    return EventQuery(
        start=source.calendar.start_of(first),
        end=source.calendar.end_of(last),
        accounts=frozenset().union(*(some.accounts[number] for number in numbers)),
        columns=COLUMNS,
    )


def _daily(some: Some, numbers: Sequence[int], source: Source, first: date, last: date) -> Daily:
    events = source.reader.read(_asked(some, numbers, source, first, last))
    places = {some.persons[number]: number for number in numbers}
    who = source.directory.who(events).replace_strict(places, default=None, return_dtype=pl.Int64)
    return daily(marked(events, who, source.calendar, source.domains))


def _pieces(
    some: Some, numbers: Sequence[int], source: Source, first: date, last: date
) -> Iterator[tuple[Sequence[int], date, date]]:
    """Runs of days of persons, whose events fit into memory, or are those of one person on one day."""
    query = _asked(some, numbers, source, first, last)
    run: list[date] = []
    events = 0
    totals = source.reader.totals(query, ["day"], source.calendar.zone)
    for day, more in totals.select("day", "events").iter_rows():
        if run and events + more > EVENTS_AT_ONCE:
            yield numbers, run[0], run[-1]
            run, events = [], 0
        if more > EVENTS_AT_ONCE and len(numbers) > 1:
            half = len(numbers) // 2
            yield from _pieces(some, numbers[:half], source, day, day)
            yield from _pieces(some, numbers[half:], source, day, day)
        else:
            run, events = [*run, day], events + more
    if run:
        yield numbers, run[0], run[-1]
