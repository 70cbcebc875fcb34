"""What the store holds of each day and each part of the people, by which what is kept is named; and since when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from core.ports import EventQuery
from models.begun import begun
from models.features import BOOK, REACH
from models.keptfiles import DAYS_AT_ONCE, Files, days_between, runs_of
from models.parts import Part
from models.reading import Source
from models.stable import digest, mixed, number_of, numbers_of

COUNTS, BEFORE = ".counts.parquet", ".before.parquet"
PLACE = "counts"
"""Where they lie among the files that are kept."""
FIRSTS: dict[str, pl.DataType] = {"account": pl.UInt64(), "day": pl.Date()}
Sums = npt.NDArray[np.uint64]


class Seen:
    """How many events each account had on each day from `start` to `until`, and whose it was, as the store was when
    this was made. Of that it keeps one number for each part and day, which is another one where anything of it is."""

    def __init__(self, files: Files, source: Source, parts: Sequence[Part], start: date, until: date) -> None:
        self._files, self._source, self._start = files, source, start
        everything = EventQuery(end=source.calendar.end_of(until))
        totals = source.reader.totals(everything, ["day"], source.calendar.zone, times=True)
        self._totals: dict[date, tuple[object, ...]] = {day: rest for day, *rest in totals.iter_rows()}  # type: ignore[misc]
        self.spans = {person: tuple(source.directory.spans_of(person)) for part in parts for person in part.persons}
        self._marks = np.zeros(((until - start).days + 1, len(parts)), dtype=np.uint64)
        first = self._looked(self._owners(parts), until)
        found = begun(self.spans, first, source, until)
        self.begun = [{person: found[person] for person in part.persons if person in found} for part in parts]
        self._books: dict[date, str] = {}
        self._presences: dict[int, tuple[list[date], Sums]] = {}

    def mark(self, part: Part, day: date) -> int:
        """What tells a part's day from others; 0 where nobody of the part did anything."""
        return int(self._marks[(day - self._start).days, part.number])

    def bearing(self, part: Part, day: date) -> str:
        """The marks of all days that a day's row depends on."""
        last = (day - self._start).days + 1
        return self._marks[last - REACH - 1 : last, part.number].tobytes().hex()

    def present(self, part: Part, day: date) -> tuple[int, int]:
        """What names the persons whose events have begun by a day, and these with their posts."""
        if part.number not in self._presences:
            began = sorted((since, person) for person, since in self.begun[part.number].items())
            known = [self._source.directory.person(person) for _, person in began]
            posts = [number_of(f"{one.id}\0{one.department}\0{one.title}") for one in known]
            numbers = [[number_of(person) for _, person in began], posts]
            sums = np.cumsum(np.array(numbers, dtype=np.uint64).reshape(2, -1), axis=1, dtype=np.uint64)
            self._presences[part.number] = ([since for since, _ in began], sums)
        days, sums = self._presences[part.number]
        place = bisect_right(days, day)
        return (int(sums[0, place - 1]), int(sums[1, place - 1])) if place else (0, 0)

    def book_name(self, month: date) -> str:
        """What names the events of the days that a month's book of customers is made of."""
        if month not in self._books:
            days = days_between(month - timedelta(days=BOOK), month - timedelta(days=1))
            self._books[month] = digest(*(f"{day}{self._totals[day]}" for day in days if day in self._totals))
        return self._books[month]

    def _looked(self, owners: pl.DataFrame, until: date) -> dict[int, date]:
        """Set the marks, a month at a time; the day of the first event of each account."""
        wanted = [day for day in days_between(self._start, until) if day in self._totals]
        names = {day: f"{day.isoformat()}-{digest(*self._totals[day])}{COUNTS}" for day in wanted}
        firsts = [self._before()]
        for at in range(0, len(wanted), DAYS_AT_ONCE):
            some = {day: names[day] for day in wanted[at : at + DAYS_AT_ONCE]}
            counts = self._files.gathered(PLACE, some, lambda missing: self._ask_counts(missing, names))
            firsts.append(counts.group_by("account").agg(pl.col("day").min()))
            held = counts.join(owners, on="account", how="inner")
            row = (held["day"].cast(pl.Int32).to_numpy() - (self._start - date(1970, 1, 1)).days).astype(np.int64)
            mark = mixed(held["owner"].to_numpy(), held["events"].to_numpy())
            np.add.at(self._marks, (row, held["part"].to_numpy()), mark)
        return dict(pl.concat(firsts).group_by("account").agg(pl.col("day").min()).iter_rows())

    def _owners(self, parts: Sequence[Part]) -> pl.DataFrame:
        """Whose each account is, from when until before when."""
        return pl.DataFrame(
            [
                (number_of(account), part.number, number_of(f"{account}\0{person}\0{since}\0{until}"))
                for part in parts
                for person in part.persons
                for account, since, until in self.spans[person]
            ],
            schema={"account": pl.UInt64(), "part": pl.Int64(), "owner": pl.UInt64()},
            orient="row",
        )

    def _ask_counts(self, missing: Sequence[date], names: Mapping[date, str]) -> None:
        calendar = self._source.calendar
        for first, last in runs_of(missing, DAYS_AT_ONCE):
            between = EventQuery(start=calendar.start_of(first), end=calendar.end_of(last))
            totals = self._source.reader.totals(between, ["day", "user.account"], calendar.zone)
            known = totals.drop_nulls("user.account")
            counts = known.select("day", numbers_of(known["user.account"]).alias("account"), "events")
            of = counts.partition_by("day", as_dict=True)
            for day in days_between(first, last):
                if day in names:
                    self._files.write(PLACE, names[day], of.get((day,), counts.clear()).sort("account"))

    def _before(self) -> pl.DataFrame:
        """The day of the first event of each account that has any before the days that are counted."""
        older = [f"{day}{rest}" for day, rest in sorted(self._totals.items()) if day < self._start]
        if not older:
            return pl.DataFrame(schema=FIRSTS)
        name = f"{self._start.isoformat()}-{digest(*older)}{BEFORE}"
        return self._files.gathered(PLACE, {self._start: name}, lambda _: self._ask_before(name))

    def _ask_before(self, name: str) -> None:
        query = EventQuery(end=self._source.calendar.start_of(self._start))
        times = self._source.reader.totals(query, ["user.account"], times=True).drop_nulls("user.account")
        day = self._source.calendar.day_expr("since").alias("day")
        self._files.write(PLACE, name, times.select(numbers_of(times["user.account"]).alias("account"), day))
