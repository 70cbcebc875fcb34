"""Searching events and adding them up: the documents, the same for the API and for `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, JsonValue

from api.views import document
from core.directory import Directory
from core.errors import BadQuery
from core.ports import EventQuery, EventReader
from core.schema import SCHEMA
from core.search import groups, parse

Order = Literal["events", "records", "bytes"]


class EventPage(BaseModel):
    """Events in order, and what to give as `after` for the next ones; null at the end."""

    events: list[dict[str, JsonValue]]
    next: str | None


class TotalView(BaseModel):
    """How many events have these values, and the sums of `data.records` and `data.bytes`. A field that they lack is
    null."""

    by: dict[str, str | None]
    events: int
    records: int
    bytes: int


def asked(text: str | None, since: datetime | None, until: datetime | None, directory: Directory) -> EventQuery:
    """What a person asks for, `since` <= time < `until`. Raises `BadQuery`."""
    condition = None if text is None else parse(text, directory)
    return EventQuery(start=_utc(since), end=_utc(until), condition=condition)


def event_page(events: EventReader, query: EventQuery, *, limit: int, newest: bool, after: str | None) -> EventPage:
    """Some events as documents. Raises `BadQuery` where `after` is none of ours."""
    place = None if after is None else _place(after)
    found = events.read(replace(query, columns=tuple(SCHEMA), limit=limit, newest=newest, after=place))
    documents = [document(row) for row in found.iter_rows(named=True)]
    last = documents[-1] if len(documents) == limit else None
    return EventPage(events=documents, next=f"{last['@timestamp']},{last['event.id']}" if last else None)


def totals(
    events: EventReader, query: EventQuery, by: Sequence[str], zone: str, *, order: Order, limit: int
) -> list[TotalView]:
    """Totals by fields, the largest first. Raises `BadQuery` for a field that nothing can be counted by."""
    names = groups(by)
    found = events.totals(query, names, zone, ["data.records", "data.bytes"])
    found = found.rename({"data.records": "records", "data.bytes": "bytes"}).sort(
        order, descending=True, maintain_order=True
    )
    return [
        TotalView(by={name: _text(row.pop(name)) for name in names}, **row)
        for row in found.head(limit).iter_rows(named=True)
    ]


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        raise BadQuery("since and until lie in the years 1 to 9999") from None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _place(after: str) -> tuple[datetime, str]:
    time, _, event_id = after.partition(",")
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo != UTC:
        raise BadQuery("after is not what an answer gave as next")
    return moment, event_id
