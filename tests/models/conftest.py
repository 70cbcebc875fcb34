"""Small companies whose events lie in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from core.canonical import content_id
from core.directory import Directory
from core.person import Filing, Link, Person
from core.ports import EventQuery
from core.schema import SCHEMA, conform
from core.totals import whole
from models.person_days import person_days
from store.frames import asked_for, totalled
from tests.detection.conftest import SURROUNDINGS

LI, WANG = "mail:li.na@example.com", "mail:wang.wei@example.com"
LI_AT_HER_DESK = "login:corp\\li.na"
STAFF = (
    Person(id="1001", name="李娜", email="li.na@example.com", department="销售部", title="销售经理"),
    Person(id="1002", name="王伟", email="wang.wei@example.com", department="销售部", title="销售经理"),
)
LINKS = (
    Link(account=LI, person="1001"),
    Link(account="login:li.na", person="1001"),
    Link(account=WANG, person="1002"),
)


class Reader:
    """Events in one frame, narrowed as the stores narrow them."""

    def __init__(self, events: pl.DataFrame) -> None:
        self.events = events

    def read(self, query: EventQuery) -> pl.DataFrame:
        return asked_for(query)(self.events.lazy()).collect()

    def totals(
        self,
        query: EventQuery,
        by: Sequence[str],
        zone: str = "UTC",
        sums: Sequence[str] = (),
        *,
        times: bool = False,
    ) -> pl.DataFrame:
        part = totalled(query, by, zone, sums, times=times)(self.events.lazy()).collect()
        return whole([part], by, sums, times=times)


def at(text: str) -> datetime:
    """A moment of 2026 in Shanghai time, as month-day and clock."""
    return datetime.fromisoformat(f"2026-{text}+08:00").astimezone(UTC)


def events(*rows: Mapping[str, Any]) -> pl.DataFrame:
    """Events of Li Na, who looks at things unless a row says otherwise."""
    filled = [
        {"event.id": content_id(str(number)), "user.account": LI, "event.action": "view", **row}
        for number, row in enumerate(rows)
    ]
    return conform(pl.DataFrame(filled, schema_overrides=SCHEMA, infer_schema_length=None))


def directory(seen: pl.DataFrame, filings: Sequence[Filing] = (), links: Sequence[Link] = LINKS) -> Directory:
    accounts = dict.fromkeys(seen["user.account"].drop_nulls().unique().to_list(), ())
    return Directory(STAFF, links, filings, accounts, SURROUNDINGS.calendar)


def rows(seen: pl.DataFrame, first: date, last: date, people: Directory | None = None, **more: Any) -> pl.DataFrame:
    """Every row of these days as one frame."""
    frames = list(person_days(Reader(seen), people or directory(seen), first, last, **more))
    return pl.concat(frames) if frames else pl.DataFrame()


def a_day(day: date, *seen: Mapping[str, Any], people: Directory | None = None) -> dict[str, Any]:
    """Li Na's row of a day."""
    frame = rows(events(*seen), day, day, people)
    return frame.filter(pl.col("person") == "1001").row(0, named=True)
