"""A company as large as one likes: a made-up one and copies of it, who do the same things under other names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from app.wiring import House
from core.batch import Batch
from core.ports import EventQuery
from detection.marking import touched

COMPACT_EVERY = 32
RENAMED = ("user.account", "user.name", "user.email", "user.id", "email.to.address")


def copy(house: House, first: date, last: date, copies: Collection[int], *, judged: bool = True) -> None:
    """Add copies of everybody whom the records know and of what they did from one day to another; HR has filed nothing
    of them. Without `judged` no rule will look at their days."""
    _copy_people(house, copies)
    tagger = house.tagger()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        query = EventQuery(start=house.calendar.start_of(day), end=house.calendar.end_of(day))
        events = house.events.read(query)
        frames = [_events(events, one) for one in copies]
        if events.height and frames:
            whole = pl.concat(frames)
            batch = Batch(source="copies", read=whole.height, events=whole, rules_version=tagger.version)
            house.events.append(batch, touched(whole, house.calendar, house.book) if judged else ())
        if number % COMPACT_EVERY == 0:
            house.events.compact()
    house.events.compact()


def named(name: str, copy: int) -> str:
    """What a person, account or address of the company is called in one of its copies."""
    user, at, domain = name.partition("@")
    return f"{user}.{copy}{at}{domain}"


def _copy_people(house: House, copies: Collection[int]) -> None:
    persons, links = house.records.persons(), house.records.links()
    for copy in copies:
        house.records.save_persons(
            [replace(one, id=named(one.id, copy), email=named(one.email, copy)) for one in persons],
            [replace(one, account=named(one.account, copy), person=named(one.person, copy)) for one in links],
        )


def _events(events: pl.DataFrame, copy: int) -> pl.DataFrame:
    """The events as they are in one of the copies: what `named` says, over columns."""
    ids = pl.col("event.id").str.slice(0, 30) + f"{copy:02x}"
    return events.with_columns(
        ids, *(pl.col(name).str.replace("^([^@]*)", f"${{1}}.{copy}").alias(name) for name in RENAMED)
    )
