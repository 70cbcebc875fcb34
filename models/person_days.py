"""Rows of features, one for each person and day, from the event store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from core.calendar import CompanyCalendar
from core.directory import Directory
from core.ports import EventReader
from core.schema import TIME
from models.daily import Daily
from models.features import NAMES, REACH
from models.kinds import kinds
from models.own_past import Floats, Rows, features
from models.reading import Some, Source, days_of

PERSONS_AT_ONCE = 500
SCHEMA: dict[str, pl.DataType] = {
    "person": pl.String(),
    "day": pl.Date(),
    "department": pl.String(),
    "title": pl.String(),
    "stage": pl.String(),
    "kind": pl.String(),
    **dict.fromkeys(NAMES, pl.Float64()),
}


def person_days(
    reader: EventReader,
    directory: Directory,
    first: date,
    last: date,
    persons: Collection[str] | None = None,
    *,
    company_domains: Collection[str] = (),
    at_once: int = PERSONS_AT_ONCE,
) -> Iterator[pl.DataFrame]:
    """Rows of `SCHEMA`, ordered by person and day, some persons a frame: one for every working day and every day with
    events from `first` to `last`, none before the person's first event.

    A row depends on events up to the end of its day and on links, never on which other days or persons are asked for or
    in which order events came; `stage` is what HR had filed by the end of the day, `kind` one of `models.kinds`.
    Features are null where they cannot be known. Without `persons` everybody whom an account is linked to; accounts
    that are nobody's only by name.
    `company_domains` are the company's mail domains, by default those of its employees' addresses.
    """
    asked = sorted(directory.people() if persons is None else set(persons))
    source = Source(reader, directory, frozenset(company_domains) or directory.domains(), {})
    for start in range(0, len(asked), at_once):
        some = Some.of(asked[start : start + at_once], source, last)
        if some.began and first <= last:
            frame = _rows(some, source, max(first, min(some.began.values())), last)
            if frame.height:
                yield frame


def _rows(some: Some, source: Source, first: date, last: date) -> pl.DataFrame:
    whole = days_of(some, source, first - timedelta(days=REACH), last)
    rows = numbered(some.began, whole, first, last, source.calendar, source.books)
    return named(rows, some.persons, source.directory)


def numbered(
    began: Mapping[int, date],
    whole: Daily,
    first: date,
    last: date,
    calendar: CompanyCalendar,
    books: Callable[[pl.Series], Floats],
) -> pl.DataFrame:
    """Every feature of the days from `first` to `last` of persons by number (`who`), of whom it is known when the
    events of each begin; `whole` reaches `REACH` days further back, `books` is as `Source.books`."""
    grid = _grid(began, whole, first, last, calendar)
    rows = Rows(grid["who"].to_numpy(), grid["day"].cast(pl.Int32).cast(pl.Int64).to_numpy())
    found = features(whole, rows, books(grid["day"].dt.truncate("1mo")))
    return grid.hstack(pl.DataFrame([pl.Series(name, found[name], nan_to_null=True) for name in NAMES]))


def _grid(began: Mapping[int, date], whole: Daily, first: date, last: date, calendar: CompanyCalendar) -> pl.DataFrame:
    """`who` and `day` of every row, in order."""
    since = pl.DataFrame(sorted(began.items()), schema={"who": pl.Int64(), "began": pl.Date()}, orient="row")
    dates = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    working = pl.DataFrame({"day": sorted(calendar.working_days(dates))}, schema={"day": pl.Date()})
    expected = since.join(working, how="cross").filter(pl.col("day") >= pl.col("began")).select("who", "day")
    seen = whole.days.select("who", pl.col("day").cast(pl.Int32).cast(pl.Date))
    return pl.concat([expected, seen.filter(pl.col("day").is_between(first, last))]).unique().sort("who", "day")


def named(grid: pl.DataFrame, persons: Sequence[str], directory: Directory) -> pl.DataFrame:
    """Rows of persons by number as those of `SCHEMA`: with person, department, title, the stage at the end of the day,
    and its kind."""
    if not grid.height:
        return pl.DataFrame(schema=SCHEMA)
    known = [directory.person(person) for person in persons]
    names = pl.DataFrame(
        {
            "who": range(len(persons)),
            "person.id": persons,
            "department": [one.department or None for one in known],
            "title": [one.title or None for one in known],
        },
        schema={"who": pl.Int64(), "person.id": pl.String(), "department": pl.String(), "title": pl.String()},
    )
    days = grid["day"].unique().to_list()
    ends = {day: directory.calendar.end_of(day) - timedelta(microseconds=1) for day in days}
    rows = grid.join(names, on="who", how="left", maintain_order="left").with_columns(
        pl.col("day").replace_strict(ends, return_dtype=TIME).alias("@timestamp")
    )
    stages = directory.stages(rows)["leaver.stage"].alias("stage")
    kind = kinds(rows["day"], directory.calendar.working_days(days))
    return rows.with_columns(pl.col("person.id").alias("person"), stages, kind).select(*SCHEMA)
