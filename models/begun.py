"""When each person's events begin, from what is known of accounts already and few questions more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from core.directory import ALWAYS, NEVER
from core.ports import EventQuery
from models.reading import Source
from models.stable import number_of

Spans = Sequence[tuple[str, datetime, datetime]]


def begun(spans: Mapping[str, Spans], first: Mapping[int, date], source: Source, last: date) -> dict[str, date]:
    """The day of the first event, up to `last`, of each person who has any. `spans` are the accounts of each, from when
    until before when; `first` has the day of the first event of each account, by the number of its name."""
    calendar, end = source.calendar, source.calendar.end_of(last)
    found: dict[str, date] = {}
    asked: dict[tuple[datetime, datetime], list[tuple[str, str]]] = defaultdict(list)
    for person, own in spans.items():
        for account, since, until in own:
            day = first.get(number_of(account))
            if day is None:
                continue
            if (since == ALWAYS or calendar.day_of(since) < day) and (until == NEVER or day < calendar.day_of(until)):
                found[person] = min(day, found.get(person, day))
            elif until == NEVER or day <= calendar.day_of(until):
                asked[since, until].append((account, person))
    for (since, until), owners in asked.items():
        times = _first_times(source, since, min(end, until), {account for account, _ in owners})
        for account, person in owners:
            if account in times:
                day = calendar.day_of(times[account])
                found[person] = min(day, found.get(person, day))
    return found


def _first_times(source: Source, since: datetime, end: datetime, accounts: Iterable[str]) -> dict[str, datetime]:
    query = EventQuery(start=None if since == ALWAYS else since, end=end, accounts=frozenset(accounts))
    return dict(source.reader.totals(query, ["user.account"], times=True).select("user.account", "since").iter_rows())
