"""Who is at work on which day, and who is away on a trip."""

from __future__ import annotations

from datetime import date

import numpy as np

from demo.company import Company
from demo.streams import Bools, Ints, stream

QUARTER_MONTHS = (3, 6, 9, 12)
RUSH_DAYS = 5


def attendance(company: Company, last_days: Ints) -> Bools:
    """`[who, day]`: at work. `last_days` is each person's last day as a day number (beyond the end: stays)."""
    rng = stream(company.seed, "attendance")
    staff, days = company.staff, len(company.days)
    shape = (len(staff), days)
    there = np.where(company.working, rng.random(shape) > 0.025, rng.random(shape) < 0.012)
    weekday = np.array([day.weekday() for day in company.days])
    part_time = staff.is_role("part_time")
    there &= ~(part_time[:, None] & np.isin(weekday, (0, 2))[None, :])
    there &= ~_leave(shape, rng)
    there &= np.arange(days)[None, :] <= last_days[:, None]
    return there & ~staff.is_role("service")[:, None]


def _leave(shape: tuple[int, int], rng: np.random.Generator) -> Bools:
    """Days of annual leave: about one block of three to eight days per hundred days and person."""
    people, days = shape
    start = rng.integers(0, max(100, days), people)
    length = rng.integers(3, 9, people)
    day = np.arange(days)[None, :]
    away: Bools = (day >= start[:, None]) & (day < (start + length)[:, None])
    return away


def trips(company: Company) -> Ints:
    """`[who, day]`: the number of the trip the person is on, 0 for none. Those who meet customers travel."""
    rng = stream(company.seed, "trips")
    staff, days = company.staff, len(company.days)
    meets = staff.is_in("sales", "success", "office", "marketing")
    start = rng.integers(0, max(60, days), len(staff))
    length = rng.integers(2, 6, len(staff))
    goes = meets & (rng.random(len(staff)) < 0.2)
    day = np.arange(days)[None, :]
    away = goes[:, None] & (day >= start[:, None]) & (day < (start + length)[:, None])
    return np.where(away, np.arange(1, len(staff) + 1)[:, None], 0)


def trip_address(number: int) -> str:
    """Where somebody on that trip is seen from."""
    return f"198.19.{number // 250 % 256}.{number % 250 + 1}"


def quarter_rush(company: Company) -> Bools:
    """Which days are among the last working days of a quarter."""
    days, working = company.days, company.working
    rush = np.zeros(len(days), dtype=bool)
    for number, day in enumerate(days):
        left = (_quarter_end(day) - day).days
        until = working[number : number + left + 1].sum()
        rush[number] = working[number] and left < 10 and until <= RUSH_DAYS
    return rush


def _quarter_end(day: date) -> date:
    month = next(month for month in QUARTER_MONTHS if day.month <= month)
    return date(day.year, month, 31 if month in (3, 12) else 30)
