"""Whom the events of a batch touch besides those whose they are: what is asked of everybody as of a day is asked again
where events of before that day come later."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from core.calendar import CompanyCalendar
from core.person import Filing
from core.ports import Mark
from detection.behaviours.common import Common
from detection.behaviours.company import months_after
from detection.behaviours.silence import Silence
from detection.machines import DAYS, DOMAIN, OURS
from detection.rule import Rule
from detection.rulebook import RuleBook

EVERYBODY = "*"
Run = tuple[date, date]
Heard = tuple[str, date]
"""A day on which a single-event rule tagged an event of anybody."""


@dataclass(frozen=True, slots=True)
class Others:
    """Marks of others, and what is heard of for the first time: to be remembered once the marks are stored."""

    marks: Sequence[Mark]
    heard: frozenset[Heard]


def touched_others(
    events: pl.DataFrame,
    calendar: CompanyCalendar,
    book: RuleBook,
    today: date,
    heard: Collection[Heard],
    filings: Callable[[], Sequence[Filing]],
) -> Others:
    """Marks of everybody, and of those HR filed something about, for the days up to `today` whose answers these tagged
    events may change: of whoever has nothing there nothing is judged.

    Colleagues' usual and the book of customers are those of before a month, so that events of the running month touch
    nobody. Whether a system was heard of on a day changes with the first event of that day only: `heard` are the days
    of which that is known.
    """
    tags = events.select(calendar.day_expr().alias("day"), "rule.matched").explode("rule.matched").drop_nulls().unique()
    days: dict[str, list[date]] = {}
    for day, tag in tags.sort("day").iter_rows():
        days.setdefault(tag, []).append(day)
    of_silence = {name for rule in book.judged if isinstance(rule.behaviour, Silence) for name in rule.leaves}
    new = frozenset((tag, day) for tag in of_silence & days.keys() for day in days[tag]) - frozenset(heard)
    runs = [
        *(run for rule in book.judged for run in _of_everybody(rule, days, new)),
        *_of_machines(events, calendar, book),
    ]
    runs = [run for run in runs if run[0] <= today]
    marks = [Mark(subject=EVERYBODY, first=min(a for a, _ in runs), last=max(b for _, b in runs))] if runs else []
    for rule in book.judged:
        if isinstance(rule.behaviour, Common) and (own := _days(rule, days)):
            first, last = rule.behaviour.bears(own[0], own[-1])
            if first <= today:
                marks += _of_leavers(filings(), first, last, rule.reach)
    return Others(marks, new)


def _of_everybody(rule: Rule, days: Mapping[str, Sequence[date]], new: Collection[Heard]) -> Iterator[Run]:
    behaviour, usual, own = rule.behaviour, rule.extra.usual, _days(rule, days)
    if isinstance(behaviour, Silence):
        own = sorted({day for tag, day in new if tag in rule.leaves})
    if not own:
        return
    if behaviour and not isinstance(behaviour, Common) and (run := behaviour.bears(own[0], own[-1])):
        yield run
    if usual and usual.learning:
        # As far back as `learning.weighed` looks for anything that had been heard of.
        back = max(usual.days, 2 * usual.learning)
        yield own[0] + timedelta(days=usual.learning), own[-1] + timedelta(days=back)


def _of_machines(events: pl.DataFrame, calendar: CompanyCalendar, book: RuleBook) -> Iterator[Run]:
    """The days of the months in which machines of these events say which domains are the company's, and those on which
    the events of such days bear."""
    own = (rule for rule in book.judged if any(OURS in book.rules[leaf].fields for leaf in rule.leaves))
    reach = max((rule.reach for rule in own), default=None)
    days = events.filter(pl.col(DOMAIN).is_not_null()).select(calendar.day_expr().alias("day"))["day"]
    first, last = days.min(), days.max()
    if reach is not None and isinstance(first, date) and isinstance(last, date):
        begin, end = months_after(first, last, DAYS)
        yield begin, end + timedelta(days=reach)


def _of_leavers(filings: Sequence[Filing], first: date, last: date, reach: int) -> Iterator[Mark]:
    near = timedelta(days=reach)
    accounts = {one.account for one in filings if first - near <= one.filed.date() <= last + near}
    yield from (Mark(subject=account, first=first, last=last) for account in sorted(accounts))


def _days(rule: Rule, days: Mapping[str, Sequence[date]]) -> list[date]:
    return sorted({day for leaf in rule.leaves for day in days.get(leaf, ())})
