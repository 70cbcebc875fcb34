"""The company's time: its zone, its days, its working hours, its holidays and make-up working days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyCalendar:
    """A day is the company's day. `country` is an ISO 3166 code (holidays and, for China, make-up working days)."""

    zone: str = "Asia/Shanghai"
    country: str = "CN"
    starts: time = time(8)
    ends: time = time(20)
    extra_holidays: frozenset[date] = field(default_factory=frozenset)

    def day_of(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def start_of(self, day: date) -> datetime:
        """The first moment of a company day, in UTC."""
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)

    def end_of(self, day: date) -> datetime:
        """The first moment after a company day, in UTC."""
        return self.start_of(day + timedelta(days=1))

    def localize(self, moment: datetime) -> datetime:
        """The moment, in company time where it has no zone of its own."""
        return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.zone))

    def is_working_day(self, day: date) -> bool:
        return day not in self.extra_holidays and _national(self.country, day.year).is_working_day(day)

    def working_days(self, days: Iterable[date]) -> frozenset[date]:
        return frozenset(day for day in days if self.is_working_day(day))

    def day_expr(self, moment: str = "@timestamp") -> pl.Expr:
        """Column expression: the company day of a UTC time column."""
        return pl.col(moment).dt.convert_time_zone(self.zone).dt.date()

    def off_hours(self, moments: pl.Series) -> pl.Series:
        """For UTC times: True outside working hours or on a day off; null stays null."""
        local = moments.dt.convert_time_zone(self.zone)
        days = local.dt.date()
        working = self.working_days(days.drop_nulls().unique().to_list())
        clock = local.dt.time()
        frame = pl.DataFrame({"day": days, "clock": clock})
        return frame.select(
            (
                (pl.col("clock") < self.starts)
                | (pl.col("clock") >= self.ends)
                | ~pl.col("day").is_in(pl.Series(sorted(working), dtype=pl.Date).implode())
            ).alias(moments.name)
        ).to_series()


@lru_cache(maxsize=64)
def _national(country: str, year: int) -> holidays.HolidayBase:
    return holidays.country_holidays(country, years=year)
