"""The alert budget: so many cases a week as people can look at; the others are overflow, counted and listed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from core.calendar import CompanyCalendar
from core.case import DECIDED, Case

WEEKS = 13
"""How many weeks before a case's own tell what is usual."""
LEAST = 2
"""Of fewer weeks nothing is concluded."""
WEEK = timedelta(days=7)


def overflow(cases: Sequence[Case], per_week: float, calendar: CompanyCalendar) -> set[str]:
    """The ids of open cases below the cut of their week: the score that so many cases a week reached in the weeks
    before. It follows from the cases alone, whatever order they were judged in; decided ones count as history."""
    weeks = {case.id: monday(calendar.day_of(case.opened)) for case in cases}
    first = min(weeks.values(), default=None)
    cuts: dict[date, float] = {}
    for week in sorted(set(weeks.values())):
        start = max(week - WEEKS * WEEK, first or week)
        past = [case.score for case in cases if start <= weeks[case.id] < week]
        cuts[week] = cut(past, (week - start) // WEEK, per_week)
    return {case.id for case in cases if case.state not in DECIDED and case.score < cuts[weeks[case.id]]}


def cut(scores: Sequence[float], weeks: int, per_week: float) -> float:
    """The score that `per_week` of the cases of these weeks reached, on average; 0 while all fit or too little is
    known. Equal scores are kept together, even if one more case is then shown."""
    fit = max(1, int(per_week * weeks))
    if weeks < LEAST or len(scores) <= fit:
        return 0.0
    return sorted(scores)[-fit]


def monday(day: date) -> date:
    """The first day of the week."""
    return day - timedelta(days=day.weekday())
