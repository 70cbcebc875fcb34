"""The stored events of an alert, found without reading all that was stored in the time its rule looks at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import orjson
import polars as pl

from core.alert import Alert
from core.calendar import CompanyCalendar
from core.directory import NEVER
from core.evidence import Frozen
from core.ports import EventQuery, EventReader
from core.schema import SCHEMA
from detection.rulebook import RuleBook

TIME = "@timestamp"
A_SECOND = timedelta(seconds=1)
APART = timedelta(hours=6)
"""Events with less between them are read together."""
BACK = (0, 7, 31)
"""Days before an alert's that are looked at first."""
AT_ONCE = 12
"""So many reads at most; events in more places are read in one that goes over all."""


def events_of(
    alert: Alert,
    events: EventReader,
    frozen: Frozen,
    calendar: CompanyCalendar,
    book: RuleBook,
    columns: Sequence[str],
) -> pl.DataFrame:
    """Those that are stored still, with these columns, oldest first. When they were is known from the evidence that was
    frozen beside the alert; those that are not frozen yet are looked for where the alert says that they lie, then in
    the days before it."""
    times = _frozen_times(frozen, alert.events)
    if len(times) < len(alert.events):
        return _looked_for(alert, events, calendar, book.reach, columns)
    spans = (
        EventQuery(ids=alert.events, start=start, end=end, columns=columns) for start, end in _spans(times.values())
    )
    found = [events.read(asked) for asked in spans]
    return pl.concat(found) if found else pl.DataFrame(schema={name: SCHEMA[name] for name in columns})


def _looked_for(
    alert: Alert, events: EventReader, calendar: CompanyCalendar, reach: int, columns: Sequence[str]
) -> pl.DataFrame:
    """Looking stops where all are found: most lie near the alert's day."""

    def between(start: datetime, end: datetime) -> pl.DataFrame:
        return events.read(EventQuery(ids=alert.events, start=start, end=end, columns=columns))

    span = _span(alert)
    if span and (there := between(*span)).height == len(alert.events):
        return there
    found: list[pl.DataFrame] = []
    end = calendar.end_of(alert.day)
    for back in sorted({*(days for days in BACK if days < reach), reach}):
        start = calendar.start_of(alert.day - timedelta(days=back))
        found.insert(0, between(start, end))
        if sum(some.height for some in found) == len(alert.events):
            break
        end = start
    return pl.concat(found)


def _span(alert: Alert) -> tuple[datetime, datetime] | None:
    """From when to before when the alert says that its events were, to the second; none where it does not."""
    first, last = alert.facts.get("first"), alert.facts.get("last")
    if not isinstance(first, str) or not isinstance(last, str):
        return None
    try:
        return datetime.fromisoformat(first), datetime.fromisoformat(last) + A_SECOND
    except (ValueError, OverflowError):
        return None


def _frozen_times(frozen: Frozen, ids: Sequence[str]) -> dict[str, datetime]:
    found = {}
    for one, content in frozen.frozen_events(ids):
        time = orjson.loads(content).get(TIME)
        if time is not None:
            found[one] = datetime.fromisoformat(time).astimezone(UTC)
    return found


def _spans(times: Iterable[datetime]) -> list[tuple[datetime, datetime | None]]:
    """From when to before when to read, in order, so that every time is within."""
    runs: list[tuple[datetime, datetime]] = []
    for time in sorted(times):
        if runs and time - runs[-1][1] <= APART:
            runs[-1] = (runs[-1][0], time)
        else:
            runs.append((time, time))
    if len(runs) > AT_ONCE:
        runs = [(runs[0][0], runs[-1][1])]
    return [(first, last + timedelta(microseconds=1) if last < NEVER else None) for first, last in runs]
