"""Watching that ends by itself: once a day whoever is watched no longer is noted, once."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime

from app.beside import beside
from app.wiring import House
from core.watching import Watch, watches

JOB, LAST_DAY = "watching", "watching_looked_at"
EVERY_SECONDS = 3600.0


def every_watch(house: House) -> list[Watch]:
    """Everybody who is or was watched because of a notice, ordered by (since, person)."""
    directory, days = house.directory(), house.config.privacy.watch_days_after
    found = (
        one
        for person in directory.leavers()
        for one in watches(person, directory.filings_of(person), days, house.calendar)
    )
    return sorted(found, key=lambda one: (one.since, one.person))


def end_watches(house: House, now: datetime | None = None) -> list[Watch]:
    """Note whose watching is over and was not noted yet; returns them."""
    at = now or datetime.now(UTC)
    return [one for one in every_watch(house) if one.is_over(at) and house.records.end_watch(one, at)]


def ending_watches(house: House) -> AbstractContextManager[None]:
    """Once a day, beside whatever is done meanwhile."""

    def work() -> None:
        with house.records.unless_done(JOB) as mine:
            today = house.calendar.day_of(datetime.now(UTC)).isoformat()
            if mine and house.records.setting(LAST_DAY) != today:
                end_watches(house)
                house.records.set_setting(LAST_DAY, today)

    return beside("watching", work, EVERY_SECONDS)
