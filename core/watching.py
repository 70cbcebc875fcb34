"""From when to when somebody is watched because HR filed that they leave, and why that ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from core.calendar import CompanyCalendar
from core.person import Filing


class Ended(StrEnum):
    """Why watching ended: HR took the notice back, or the days after the last day are over."""

    WITHDRAWN = "withdrawn"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """`since` is when HR filed the notice; before `until` it ends for the reason `ended`. Both are None while no last
    day is known."""

    person: str
    since: datetime
    until: datetime | None = None
    ended: Ended | None = None

    def is_over(self, at: datetime) -> bool:
        return self.until is not None and self.until <= at


def watches(person: str, filings: Iterable[Filing], days_after: int, calendar: CompanyCalendar) -> list[Watch]:
    """In order. A notice that is filed again while one is in force moves its end and begins nothing."""
    found: list[Watch] = []
    for filing in sorted(filings, key=lambda one: (one.filed, one.withdrawn)):
        going_on = bool(found) and not found[-1].is_over(filing.filed)
        if filing.withdrawn:
            if going_on:
                found[-1] = replace(found[-1], until=filing.filed, ended=Ended.WITHDRAWN)
            continue
        if not going_on:
            found.append(Watch(person=person, since=filing.filed))
        if filing.last_day is None:
            found[-1] = replace(found[-1], until=None, ended=None)
        else:
            end = calendar.end_of(filing.last_day + timedelta(days=days_after))
            found[-1] = replace(found[-1], until=max(end, filing.filed), ended=Ended.OVER)
    return found


class EndedWatches(Protocol):
    """Watches that are over, each noted once; in the same transaction the audit log and a happening say so."""

    def end_watch(self, watch: Watch, at: datetime) -> bool:
        """Whether it was not noted yet."""

    def ended_watches(self) -> Sequence[Watch]:
        """Ordered by (until, person, since)."""
