"""Places where persons were together: who was there, and the events of everybody there, some at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

from core.condition import Any, Is
from core.ports import EventQuery
from detection.bench import FIRST_DAY, Bench, joined

EVENTS_AT_ONCE = 100_000
"""Events read at once, where the days that one day depends on have no more at one place."""


@dataclass(slots=True)
class There:
    """Who was at a place, and how many events there are."""

    people: set[str] = field(default_factory=set)
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Events of some places with everything joined, and the days of which they tell all."""

    events: pl.DataFrame
    first: date
    last: date


def there(place: str, values: Sequence[str], asked: EventQuery, bench: Bench) -> dict[str, There]:
    """Who was at places of the field `place`, among the events asked for."""
    totals = bench.store.totals(replace(asked, condition=_at(place, values)), [place, "user.account"])
    found: dict[str, There] = defaultdict(There)
    for value, account, events in totals.iter_rows():
        found[value].people |= bench.directory.persons_of(account) if account else set()
        found[value].events += events
    return found


def parts(
    place: str, counts: Mapping[str, int], asked: EventQuery, days: tuple[date, date], reach: int, bench: Bench
) -> Iterator[Part]:
    """The events at places, of which there are so many at each: several places together, or one some days at a time,
    with `reach` days before these."""
    together: list[str] = []
    held = 0
    for value, events in sorted(counts.items()):
        if events > EVENTS_AT_ONCE:
            yield from _in_turn(replace(asked, condition=_at(place, [value])), days, reach, bench)
            continue
        if held + events > EVENTS_AT_ONCE:
            yield _read(replace(asked, condition=_at(place, together)), days, bench)
            together, held = [], 0
        together.append(value)
        held += events
    if together:
        yield _read(replace(asked, condition=_at(place, together)), days, bench)


def _in_turn(asked: EventQuery, days: tuple[date, date], reach: int, bench: Bench) -> Iterator[Part]:
    calendar = bench.directory.calendar
    rows = bench.store.totals(replace(asked, columns=None), ["day"], calendar.zone).sort("day").rows()
    for first, last in _runs([(day, events) for day, events in rows if day <= days[1]], days[0], reach):
        start = calendar.start_of(max(FIRST_DAY, first - timedelta(days=reach)))
        yield _read(replace(asked, start=start, end=calendar.end_of(last)), (first, last), bench)


def _runs(days: Sequence[tuple[date, int]], first: date, reach: int) -> Iterator[tuple[date, date]]:
    """Runs of days from the first on whose events fit into memory together with those `reach` days before; of no fewer
    days than these, so that no event is read much more than twice."""
    back = timedelta(days=reach)
    run: list[date] = []
    for day, _ in days:
        if day < first:
            continue
        if run and day - run[0] >= back:
            held = sum(events for other, events in days if run[0] - back <= other <= day)
            if held > EVENTS_AT_ONCE:
                yield run[0], run[-1]
                run = []
        run.append(day)
    if run:
        yield run[0], run[-1]


def _read(asked: EventQuery, days: tuple[date, date], bench: Bench) -> Part:
    return Part(events=joined(bench.store.read(asked), bench), first=days[0], last=days[1])


def _at(place: str, values: Sequence[str]) -> Any:
    return Any(tuple(Is(place, value) for value in values))
