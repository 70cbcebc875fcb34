"""From events to daily series and back: what each day held, and when on a day enough had come together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from core.calendar import CompanyCalendar
from core.schema import SCHEMA
from detection.behaviours.base import Scene
from detection.behaviours.company import Usual
from detection.behaviours.runs import Bools, Days, Floats, within
from detection.windows import STAGE_THEN, TIME

EPOCH = date(1970, 1, 1)
ACTIVE = (pl.col(STAGE_THEN).last() == "active").fill_null(True).alias("active")
"""Whether the person was somebody who stays, at the end of a day."""
Peers = Callable[[date, date], Usual | None]
"""What colleagues have a day between two days, both included."""


def amount_of(field: str | None) -> pl.Expr:
    """What events hold of a field: how many there are, the sum of a number, or how many distinct values."""
    if field is None:
        return pl.len().cast(pl.Float64)
    column = pl.col(field)
    return (column.sum() if SCHEMA[field].is_numeric() else column.drop_nulls().n_unique()).cast(pl.Float64)


def so_far(field: str | None, keys: Sequence[str]) -> pl.Expr:
    """The same of a day's events up to each."""
    if field is None:
        return pl.lit(1).cum_sum().over(keys).cast(pl.Float64)
    column = pl.col(field)
    if SCHEMA[field].is_numeric():
        return column.fill_null(0).cum_sum().over(keys).cast(pl.Float64)
    return (column.is_first_distinct() & column.is_not_null()).cum_sum().over(keys).cast(pl.Float64)


def remembered(daily: pl.DataFrame, scene: Scene) -> pl.DataFrame:
    """The days, those before `past.since` as they were when they were judged; later ones are added to `past`."""
    if not scene.past:
        return daily
    known = [] if scene.past.days is None else [scene.past.days.filter(pl.col("day") < scene.past.since)]
    fresh = daily.filter(pl.col("day") >= scene.past.since) if known else daily
    scene.past.days = whole = pl.concat([*known, fresh])
    return whole


def begun(events: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """`from` of each finding (`person.id`, `day`, `began`): the first event from the day on which it began."""
    runs = held.select("person.id", pl.col("day").alias("of"), "began")
    inside = events.join(runs, on="person.id").filter(pl.col("day").is_between("began", "of"))
    first = inside.group_by("person.id", "of").agg(pl.col(TIME).min().alias("from"))
    return first.rename({"of": "day"})


@dataclass(frozen=True, slots=True)
class Series:
    """A person's days from `first` (days since 1970) on, and what each held of some amounts (a row each)."""

    person: str
    first: int
    amounts: Floats
    days: Days

    @classmethod
    def of(cls, own: pl.DataFrame, names: Sequence[str], calendar: CompanyCalendar, *, quarter_end: bool) -> Series:
        """From a row per day on which anything was seen: `person.id`, `day`, `active` and the amounts by name."""
        days = own["day"].to_numpy().astype("datetime64[D]").astype(np.int64)
        first, size = int(days[0]), int(days[-1] - days[0]) + 1
        place = days - first
        amounts, active = np.zeros((len(names), size)), np.ones(size, dtype=bool)
        for row, name in enumerate(names):
            amounts[row, place] = own[name].to_numpy()
        last = np.full(size, -1, dtype=np.int64)
        last[place], active[place] = place, own["active"].to_numpy()
        counted = np.ones(size, dtype=bool) if quarter_end else within(first, size)
        working = np.array([calendar.is_working_day(EPOCH + timedelta(days=first + number)) for number in range(size)])
        there = Days(seen=last >= 0, active=active[np.maximum.accumulate(last)], counted=counted, working=working)
        return cls(str(own["person.id"][0]), first, amounts, there)

    @property
    def size(self) -> int:
        return int(self.amounts.shape[1])

    def date(self, number: int) -> date:
        """The date of a day by its place."""
        return EPOCH + timedelta(days=self.first + number)

    def largest(self, amounts: Floats, days: int) -> float:
        """The largest sum of so many days on end."""
        total = np.concatenate([[0.0], np.cumsum(amounts)])
        return float((total[1:] - total[np.maximum(0, np.arange(self.size) + 1 - days)]).max())

    def peers(self, of: Peers, history: int, asked: Bools) -> tuple[Floats, Floats]:
        """What colleagues have a day, the one in the middle and the busiest: by day, as it was in the `history` days
        before the month began. Only of the months in which a day is asked for."""
        middle, busiest = np.full(self.size, np.nan), np.full(self.size, np.nan)
        months = np.array([self.date(number).replace(day=1) for number in range(self.size)])
        for month in sorted(set(months[asked])):
            if usual := of(month - timedelta(days=history), month - timedelta(days=1)):
                middle[months == month], busiest[months == month] = usual
        return middle, busiest
