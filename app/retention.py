"""Retention: what is older than it may be kept goes on time, but for what legal holds keep, and is written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from uuid import uuid4

import structlog

from app.beside import beside
from app.config import Config
from app.freezing import freeze
from app.holds import held_persons, in_force, kept_by
from app.wiring import House, open_house
from core.errors import Stale
from core.evidence import Hold, HoldScope
from core.retention import Due, Erased, Erasure, Expiry, Stored, Terms

JOB, DAILY, LAST_DAY = "retain", "retain_daily", "retained"
ITSELF = "leaverwatch"
"""Who deletes where nobody told it to."""
EVERY_SECONDS = 3600.0
MODELS = "models"
"""The source of findings."""
EVERYTHING = 10**9
log = structlog.get_logger()


def limits(house: House, now: datetime) -> Mapping[str, datetime]:
    """From before when records of a source are too old by now; of all others under an empty name."""
    kept = house.config.retention
    asked = {"": kept.events, **kept.events_of}
    return {source: _days_before(house, now, days) for source, days in asked.items() if days}


def terms(house: House, now: datetime) -> Terms:
    """Of which purposes what is over goes by now."""
    kept = house.config.retention
    before = {purpose: _days_before(house, now, days) for purpose, days in kept.purposes.items()}
    longest = [kept.events, *kept.events_of.values()]
    events = None if kept.events is None else _days_before(house, now, max(days for days in longest if days))
    return Terms(before=before, events=events)


def check(house: House, now: datetime) -> Due:
    """What would go now."""
    due = Due(erased=(), held={})
    if before := limits(house, now):
        expiry = _expiry(house, before)
        due = _with(house.events.due(expiry), _old_findings(house, expiry))
    return replace(due, erased=(*due.erased, *house.records.lapsing(terms(house, now)).erased))


def retain(house: House, by: str, now: datetime | None = None) -> list[Erasure]:
    """Delete what is too old; returns what was written down of it. An erasure that was cut short is finished first: its
    record has what was to go when it began. One process at a time."""
    with house.records.alone(JOB):
        # What alerts rest on is laid down before it may go.
        freeze(house)
        done = [_erase(house, one) for one in house.records.erasures() if one.done is None]
        now = now or datetime.now(UTC)
        if before := limits(house, now):
            nothing = Due(erased=(), held={})
            begun = Erasure(id=uuid4().hex, by=by, begun=datetime.now(UTC), before=before, due=nothing)
            done.append(_erase(house, begun))
            _prune(house, before)
        done += house.records.lapse(terms(house, now), by)
    return [one for one in done if one.due.erased]


def retaining(config: Config) -> AbstractContextManager[None]:
    """Once a day, beside whatever is done meanwhile, delete what is too old. What cannot be deleted now is later."""
    return beside("retention", lambda: retain_daily(config), EVERY_SECONDS)


def retain_daily(config: Config, now: datetime | None = None) -> list[Erasure]:
    """Delete what is too old, unless it was done today; in a house of its own, so that no lock outlasts it."""
    if not config.retention.is_set:
        return []
    with open_house(config) as house, house.records.unless_done(DAILY) as mine:
        today = house.calendar.day_of(now or datetime.now(UTC)).isoformat()
        if not mine or house.records.setting(LAST_DAY) == today:
            return []
        done = retain(house, ITSELF, now)
        house.records.set_setting(LAST_DAY, today)
    return done


def _days_before(house: House, now: datetime, days: int) -> datetime:
    """The start of the company's day so many days ago."""
    calendar = house.calendar
    return calendar.start_of(calendar.day_of(now) - timedelta(days=days))


def _expiry(house: House, before: Mapping[str, datetime]) -> Expiry:
    """These limits by source (that of all others under an empty name), with what is kept by now."""
    directory = house.directory()
    holds = in_force(house.records.holds())
    waiting = (one.now.events for one in house.records.unfrozen(EVERYTHING) if one.now)
    return Expiry(
        before=before.get(""),
        sources={source: at for source, at in before.items() if source},
        kept=[kept for hold in holds for kept in kept_by(hold, house, directory)],
        ids=frozenset(chain.from_iterable(waiting)),
        zone=house.calendar.zone,
    )


def _erase(house: House, begun: Erasure) -> Erasure:
    while True:
        try:
            return _erase_unless_held(house, begun)
        except Stale:
            continue


def _erase_unless_held(house: House, begun: Erasure) -> Erasure:
    """Raises `Stale`, and nothing has gone, where a hold was placed while it was found out what goes."""
    holds = in_force(house.records.holds())
    expiry = _expiry(house, begun.before)
    findings = _old_findings(house, expiry)
    erasure = begun

    def witness(due: Due) -> None:
        nonlocal erasure
        if in_force(house.records.holds()) != holds:
            raise Stale("holds have changed meanwhile")
        if not begun.due.erased:
            erasure = replace(begun, due=_with(due, findings))
        if erasure.due.erased:
            house.records.save_erasure(erasure)

    house.events.expire(expiry, witness)
    house.records.drop_findings([(person, day) for person, day, _ in findings])
    erasure = replace(erasure, done=datetime.now(UTC))
    if erasure.due.erased:
        house.records.save_erasure(erasure)
    return erasure


def _old_findings(house: House, expiry: Expiry) -> list[tuple[str, date, int]]:
    """What models found of days of which no events are left to be, but for what a hold keeps: person, day, how many."""
    if expiry.before is None:
        return []
    first = house.calendar.day_of(min([expiry.before, *expiry.sources.values()]))
    holds = [(hold, set(held_persons(hold, house))) for hold in in_force(house.records.holds())]
    found = house.records.old_findings(first)
    return [one for one in found if not any(_keeps(house, hold, persons, *one[:2]) for hold, persons in holds)]


def _keeps(house: House, hold: Hold, persons: set[str], person: str, day: date) -> bool:
    start, end = house.calendar.start_of(day), house.calendar.end_of(day)
    within = (hold.since is None or hold.since < end) and (hold.until is None or hold.until > start)
    return within and (hold.scope is HoldScope.RANGE or person in persons)


def _with(due: Due, findings: list[tuple[str, date, int]]) -> Due:
    by_day: Counter[date] = Counter()
    for _, day, count in findings:
        by_day[day] += count
    made = [Erased(kind=Stored.FINDING, source=MODELS, day=day, records=by_day[day]) for day in sorted(by_day)]
    return replace(due, erased=(*due.erased, *made))


def _prune(house: House, before: Mapping[str, datetime]) -> None:
    """Let go of what models keep of days to be quicker; of what is still stored it is made again."""
    from models.keptfiles import prune_below

    if "" in before:
        prune_below(house.config.data / "person-days", house.calendar.day_of(before[""]))
