"""Person-days kept from one time to the next, so that a new day costs what is new.

Kept are, of each company day, what `models.daily` makes of its events, and the rows of features, some persons a file. A
file is known by what it was made of: how many events each account had that day, and whose the accounts were; a row by
the days it depends on. So late events and changed links lead to other names, and a folder that is lost is made again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from core.calendar import CompanyCalendar
from core.canonical import PLACES, place_of
from core.directory import Directory
from core.ports import EventQuery, EventReader
from models.begun import begun
from models.daily import Daily
from models.features import BOOK, NAMES, REACH
from models.features import digest as features_digest
from models.keptfiles import DAYS, MORE, ROWS, Files, as_daily, as_long, runs_of
from models.own_past import Floats
from models.person_days import named, numbered
from models.reading import Some, Source, days_of
from models.stable import digest, mixed, number_of, numbers_of

FORMAT = 1
"""Raised whenever what a file holds changes."""
PERSONS_AT_ONCE, DAYS_AT_ONCE = 1000, 31
SHARE = "book_share_30d"
"""The one feature that depends on everybody: it is computed when rows are read."""
OWN = tuple(name for name in NAMES if name != SHARE)
A_DAY = timedelta(days=1)
EPOCH = date(1970, 1, 1)
Sums = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Part:
    """Persons who are kept together: those whose place lies from `first` to `last`."""

    number: int
    first: int
    last: int
    persons: tuple[str, ...]


def parts_of(persons: Collection[str]) -> list[Part]:
    """All persons in so many parts that each has a thousand or fewer on average; whoever comes or goes, others stay in
    theirs."""
    count = 1
    while count * PERSONS_AT_ONCE < len(persons):
        count *= 2
    width = PLACES // count
    own: list[list[str]] = [[] for _ in range(count)]
    for person in sorted(persons):
        own[place_of(person) // width].append(person)
    return [Part(n, n * width, (n + 1) * width - 1, tuple(some)) for n, some in enumerate(own)]


class KeptDays:
    """Rows of person-days from `since` to `until`, as `models.person_days.person_days` gives them for everybody whom an
    account is linked to, computed from what is kept in a folder and what is missing there. What it knows of the store
    is of when it was made."""

    def __init__(
        self,
        folder: Path,
        reader: EventReader,
        directory: Directory,
        since: date,
        until: date,
        *,
        company_domains: Collection[str] = (),
    ) -> None:
        domains = frozenset(company_domains) or directory.domains()
        self.since, self.until = since, until
        self.parts = parts_of(directory.people())
        self._source = Source(reader, directory, domains, {})
        calendar = directory.calendar
        # Counted from the first of a month, so that what is asked of all days before is asked once a month.
        self._start = (since - timedelta(days=REACH)).replace(day=1)
        version = digest(FORMAT, features_digest(), *_said(calendar), sorted(domains), len(self.parts))
        self._files = Files(folder, version)
        everything = EventQuery(end=calendar.end_of(until))
        totals = reader.totals(everything, ["day"], calendar.zone, times=True)
        self._totals: dict[date, tuple[object, ...]] = {day: rest for day, *rest in totals.iter_rows()}  # type: ignore[misc]
        self._spans = {person: tuple(directory.spans_of(person)) for part in self.parts for person in part.persons}
        self._marks = self._marked()
        self._names: dict[tuple[int, date], str] = {}
        self._presences: dict[int, tuple[list[date], Sums]] = {}

    def rows(self, part: Part, first: date, last: date) -> pl.DataFrame:
        """Rows of `models.person_days.SCHEMA` of a part's persons, ordered by person and day."""
        places = {number_of(person): place for place, person in enumerate(part.persons)}
        kept = self._own_rows(part, first, last).join(_table(places), on="person", how="inner")
        grid = kept.drop("person").sort("who", "day")
        book = self._books(grid["day"].dt.truncate("1mo"))
        share = pl.Series(SHARE, grid["customers_30d"].to_numpy() / book, nan_to_null=True, dtype=pl.Float64)
        return named(grid.with_columns(share), part.persons, self._source.directory)

    def fingerprint(self, part: Part, first: date, day: date) -> str:
        """Another one where rows of the part from `first` to `day`, or whose they are, would be others."""
        rows = [self._row_name(part, one) for one in _days(first, day)]
        months = sorted({one.replace(day=1) for one in _days(first, day)})
        _, posts = self._present(part, day)
        return digest(*rows, posts, *(self._book_name(month) for month in months))

    def prune(self, before: date) -> None:
        """Let go of what is kept of days before one."""
        self._files.prune(before)

    def _own_rows(self, part: Part, first: date, last: date) -> pl.DataFrame:
        """The rows by number of person, without what depends on everybody."""
        names = {day: self._row_name(part, day) + ROWS for day in _days(first, last)}
        for _ in range(2):
            missing = [day for day, name in names.items() if not self._files.has(_place(part), name)]
            for start, end in runs_of(missing, DAYS_AT_ONCE):
                self._make_rows(part, start, end)
            if (found := self._files.read(_place(part), list(names.values()))) is not None:
                return found
        raise OSError("kept days vanish as soon as they are written")

    def _make_rows(self, part: Part, first: date, last: date) -> None:
        began = {place: self._begun[part.number].get(person) for place, person in enumerate(part.persons)}
        known = {place: day for place, day in began.items() if day is not None and day <= last}
        whole = self._daily(part, first - timedelta(days=REACH), last)
        made = numbered(known, whole, first, last, self._source.calendar, _no_book)
        table = _table({number_of(person): place for place, person in enumerate(part.persons)})
        rows = made.join(table, on="who", how="inner").select("person", "day", *OWN)
        of = rows.partition_by("day", as_dict=True)
        for day in _days(first, last):
            frame = of.get((day,), rows.clear()).sort("person")
            self._files.write(_place(part), self._row_name(part, day) + ROWS, frame)

    def _daily(self, part: Part, first: date, last: date) -> Daily:
        """What the days of a part's persons hold."""
        numbers = [number_of(person) for person in part.persons]
        names = {day: self._day_name(part, day) for day in _days(first, last) if self._mark(part, day)}
        if not names:
            return Daily.together([])
        for _ in range(2):
            missing = [
                day
                for day, name in names.items()
                if not all(self._files.has(_place(part), name + kind) for kind in (DAYS, MORE))
            ]
            for start, end in runs_of(missing, DAYS_AT_ONCE):
                self._make_days(part, numbers, start, end)
            held, more = (self._files.read(_place(part), [n + kind for n in names.values()]) for kind in (DAYS, MORE))
            if held is not None and more is not None:
                return as_daily(held, more, {number: place for place, number in enumerate(numbers)})
        raise OSError("kept days vanish as soon as they are written")

    def _make_days(self, part: Part, numbers: Sequence[int], first: date, last: date) -> None:
        accounts = [frozenset(account for account, _, _ in self._spans[person]) for person in part.persons]
        some = Some(part.persons, accounts, {place: first for place, own in enumerate(accounts) if own})
        held, more = as_long(days_of(some, self._source, first, last), numbers)
        of_days, of_more = held.partition_by("day", as_dict=True), more.partition_by("day", as_dict=True)
        for day in _days(first, last):
            number = ((day - EPOCH).days,)
            name = self._day_name(part, day)
            # The last one written says that the other is there.
            self._files.write(_place(part), name + DAYS, of_days.get(number, held.clear()).sort("who"))
            self._files.write(_place(part), name + MORE, of_more.get(number, more.clear()).sort("who", "kind", "key"))

    def _day_name(self, part: Part, day: date) -> str:
        return f"{day.isoformat()}-{self._mark(part, day):016x}"

    def _row_name(self, part: Part, day: date) -> str:
        if (part.number, day) not in self._names:
            last = (day - self._start).days + 1
            bearing = self._marks[last - REACH - 1 : last, part.number]
            persons, _ = self._present(part, day)
            self._names[part.number, day] = f"{day.isoformat()}-{digest(bearing.tobytes().hex(), persons)}"
        return self._names[part.number, day]

    def _present(self, part: Part, day: date) -> tuple[int, int]:
        """What names the persons whose events have begun by a day, and these with their posts."""
        if part.number not in self._presences:
            began = sorted((since, person) for person, since in self._begun[part.number].items())
            known = [self._source.directory.person(person) for _, person in began]
            posts = [number_of(f"{one.id}\0{one.department}\0{one.title}") for one in known]
            numbers = [[number_of(person) for _, person in began], posts]
            sums = np.cumsum(np.array(numbers, dtype=np.uint64).reshape(2, -1), axis=1, dtype=np.uint64)
            self._presences[part.number] = ([since for since, _ in began], sums)
        days, sums = self._presences[part.number]
        place = bisect_right(days, day)
        return (int(sums[0, place - 1]), int(sums[1, place - 1])) if place else (0, 0)

    def _mark(self, part: Part, day: date) -> int:
        return int(self._marks[(day - self._start).days, part.number])

    def _marked(self) -> Sums:
        """What tells a part's day from others: how many events each account had, and whose it was."""
        marks = np.zeros(((self.until - self._start).days + 1, len(self.parts)), dtype=np.uint64)
        owners = pl.DataFrame(
            [
                (number_of(account), part.number, number_of(f"{account}\0{person}\0{since}\0{until}"))
                for part in self.parts
                for person in part.persons
                for account, since, until in self._spans[person]
            ],
            schema={"account": pl.UInt64(), "part": pl.Int64(), "owner": pl.UInt64()},
            orient="row",
        )
        for day, counts in self._counts.items():
            held = counts.join(owners, on="account", how="inner")
            row = np.full(held.height, (day - self._start).days)
            seen = mixed(held["owner"].to_numpy(), held["events"].to_numpy())
            np.add.at(marks, (row, held["part"].to_numpy()), seen)
        return marks

    @cached_property
    def _counts(self) -> Mapping[date, pl.DataFrame]:
        """How many events each account had on each day."""
        wanted = [day for day in _days(self._start, self.until) if day in self._totals]
        names = {day: f"{day.isoformat()}-{digest(*self._totals[day])}.counts.parquet" for day in wanted}
        missing = [day for day in wanted if not self._files.has("counts", names[day])]
        for first, last in runs_of(missing, DAYS_AT_ONCE):
            self._ask_counts(first, last, names)
        found: dict[date, pl.DataFrame] = {}
        for day in wanted:
            frame = self._files.read("counts", [names[day]])
            if frame is None:
                self._ask_counts(day, day, names)
                frame = self._files.read("counts", [names[day]])
            if frame is None:
                raise OSError("kept days vanish as soon as they are written")
            found[day] = frame
        return found

    def _ask_counts(self, first: date, last: date, names: Mapping[date, str]) -> None:
        calendar = self._source.calendar
        between = EventQuery(start=calendar.start_of(first), end=calendar.end_of(last))
        totals = self._source.reader.totals(between, ["day", "user.account"], calendar.zone).drop_nulls("user.account")
        counts = totals.select("day", numbers_of(totals["user.account"]).alias("account"), "events")
        of = counts.partition_by("day", as_dict=True, include_key=False)
        for day in _days(first, last):
            if day in names:
                frame = of.get((day,), counts.drop("day").clear())
                self._files.write("counts", names[day], frame.sort("account"))

    @cached_property
    def _begun(self) -> list[dict[str, date]]:
        """By part, when the events of each person begin."""
        days = [counts.select("account", pl.lit(day).alias("day")) for day, counts in self._counts.items()]
        earliest = pl.concat([self._before(), *days]).group_by("account").agg(pl.col("day").min())
        first: dict[int, date] = dict(earliest.iter_rows())
        found = begun(self._spans, first, self._source, self.until)
        return [{person: found[person] for person in part.persons if person in found} for part in self.parts]

    def _before(self) -> pl.DataFrame:
        """The day of the first event of each account that has any before the days that are counted."""
        older = [f"{day}{rest}" for day, rest in sorted(self._totals.items()) if day < self._start]
        name = f"{self._start.isoformat()}-{digest(*older)}.before.parquet"
        nothing = pl.DataFrame(schema={"account": pl.UInt64(), "day": pl.Date()})
        if not older:
            return nothing
        if self._files.has("counts", name) and (kept := self._files.read("counts", [name])) is not None:
            return kept
        query = EventQuery(end=self._source.calendar.start_of(self._start))
        times = self._source.reader.totals(query, ["user.account"], times=True).drop_nulls("user.account")
        day = self._source.calendar.day_expr("since").alias("day")
        made = times.select(numbers_of(times["user.account"]).alias("account"), day)
        self._files.write("counts", name, made)
        return made

    def _books(self, months: pl.Series) -> Floats:
        """As `Source.books`, remembered from one time to the next."""
        for month in months.unique().to_list():
            number = (month - EPOCH).days
            name = f"{month.isoformat()}-{self._book_name(month)}.book.parquet"
            kept = self._files.read("counts", [name]) if self._files.has("counts", name) else None
            if kept is not None:
                self._source.book[number] = kept["customers"][0]
            elif number not in self._source.book:
                self._source.books(pl.Series([month], dtype=pl.Date))
                self._files.write("counts", name, pl.DataFrame({"customers": [self._source.book[number]]}))
        return self._source.books(months)

    def _book_name(self, month: date) -> str:
        before = [(day, self._totals.get(day)) for day in _days(month - timedelta(days=BOOK), month - A_DAY)]
        return digest(*(f"{day}{rest}" for day, rest in before if rest))


def _said(calendar: CompanyCalendar) -> tuple[object, ...]:
    return calendar.zone, calendar.country, calendar.starts, calendar.ends, sorted(calendar.extra_holidays)


def _place(part: Part) -> str:
    return f"{part.number}"


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _table(places: Mapping[int, int]) -> pl.DataFrame:
    columns = {"person": list(places.keys()), "who": list(places.values())}
    return pl.DataFrame(columns, schema={"person": pl.UInt64(), "who": pl.Int64()})


def _no_book(months: pl.Series) -> Floats:
    return np.full(len(months), np.nan)
