"""Person-days kept from one time to the next, so that a new day costs what is new.

Kept are, of each company day, what `models.daily` makes of its events, and the rows of features, some persons a file. A
file is known by what it was made of: how many events each account had that day, and whose the accounts were; a row by
the days it depends on. So late events and changed links lead to other names, and a folder that is lost is made again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from core.calendar import CompanyCalendar
from core.directory import Directory
from core.ports import EventReader
from models.features import NAMES, REACH
from models.features import digest as features_digest
from models.keptdays import DailyFiles, place_of
from models.keptfiles import DAYS_AT_ONCE, Files, days_between, runs_of
from models.own_past import Floats
from models.parts import Part, parts_of
from models.person_days import named, numbered
from models.reading import EPOCH, Source
from models.seen import PLACE, Seen
from models.stable import digest, number_of

FORMAT = 2
"""Raised whenever what a file holds changes."""
ROWS, BOOK = ".rows.parquet", ".book.parquet"
SHARE = "book_share_30d"
"""The one feature that depends on everybody: it is computed when rows are read."""
OWN = tuple(name for name in NAMES if name != SHARE)


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
        # Counted from the first of a month, so that what is asked of all days before is asked once a month.
        self._start = (since - timedelta(days=REACH)).replace(day=1)
        said = _said(directory.calendar)
        self._files = Files(folder, digest(FORMAT, features_digest(), *said, sorted(domains), len(self.parts)))
        self._seen = Seen(self._files, self._source, self.parts, self._start, until)
        self._daily = DailyFiles(self._files, self._source, self.parts, self._seen)
        self._names: dict[tuple[int, date], str] = {}

    def rows(self, part: Part, first: date, last: date) -> pl.DataFrame:
        """Rows of `models.person_days.SCHEMA` of a part's persons, ordered by person and day."""
        places = _table({number_of(person): place for place, person in enumerate(part.persons)})
        names = {day: self._row_name(part, day) + ROWS for day in days_between(first, last)}
        kept = self._files.gathered(place_of(part), names, lambda missing: self._make_rows(part, missing))
        grid = kept.join(places, on="person", how="inner").drop("person").sort("who", "day")
        book = self._books(grid["day"].dt.truncate("1mo"))
        share = pl.Series(SHARE, grid["customers_30d"].to_numpy() / book, nan_to_null=True, dtype=pl.Float64)
        return named(grid.with_columns(share), part.persons, self._source.directory)

    def fingerprint(self, part: Part, first: date, day: date) -> str:
        """Another one where rows of the part from `first` to `day`, or whose they are, would be others."""
        days = days_between(first, day)
        months = sorted({one.replace(day=1) for one in days})
        _, posts = self._seen.present(part, day)
        books = (self._seen.book_name(month) for month in months)
        return digest(*(self._row_name(part, one) for one in days), posts, *books)

    def prune(self, before: date) -> None:
        """Let go of what is kept of days before one."""
        self._files.prune(PLACE, min(before, self._start))
        for part in self.parts:
            self._files.prune(place_of(part), before)

    def _make_rows(self, part: Part, missing: Sequence[date]) -> None:
        began = self._seen.begun[part.number]
        for first, last in runs_of(missing, DAYS_AT_ONCE):
            known = {place: began[one] for place, one in enumerate(part.persons) if one in began and began[one] <= last}
            whole = self._daily.behind(part, first, last)
            made = numbered(known, whole, first, last, self._source.calendar, _no_book)
            table = _table({number_of(person): place for place, person in enumerate(part.persons)})
            rows = made.join(table, on="who", how="inner").select("person", "day", *OWN)
            of = rows.partition_by("day", as_dict=True)
            for day in days_between(first, last):
                frame = of.get((day,), rows.clear()).sort("person")
                self._files.write(place_of(part), self._row_name(part, day) + ROWS, frame)

    def _row_name(self, part: Part, day: date) -> str:
        if (part.number, day) not in self._names:
            persons, _ = self._seen.present(part, day)
            self._names[part.number, day] = f"{day.isoformat()}-{digest(self._seen.bearing(part, day), persons)}"
        return self._names[part.number, day]

    def _books(self, months: pl.Series) -> Floats:
        """As `Source.books`, remembered from one time to the next."""
        for month in months.unique().to_list():
            if (number := (month - EPOCH).days) not in self._source.book:
                name = f"{month.isoformat()}-{self._seen.book_name(month)}{BOOK}"
                kept = self._files.gathered(PLACE, {month: name}, partial(self._ask_book, name))
                self._source.book[number] = kept["customers"][0]
        return self._source.books(months)

    def _ask_book(self, name: str, months: Sequence[date]) -> None:
        for month in months:
            self._source.books(pl.Series([month], dtype=pl.Date))
            book = self._source.book[(month - EPOCH).days]
            self._files.write(PLACE, name, pl.DataFrame({"customers": [book]}))


def _said(calendar: CompanyCalendar) -> tuple[object, ...]:
    return calendar.zone, calendar.country, calendar.starts, calendar.ends, sorted(calendar.extra_holidays)


def _table(places: Mapping[int, int]) -> pl.DataFrame:
    columns = {"person": list(places.keys()), "who": list(places.values())}
    return pl.DataFrame(columns, schema={"person": pl.UInt64(), "who": pl.Int64()})


def _no_book(months: pl.Series) -> Floats:
    return np.full(len(months), np.nan)
