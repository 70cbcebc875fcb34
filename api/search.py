"""Searching events and adding them up: the documents, the same for the API and for `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import polars as pl
from pydantic import BaseModel, JsonValue

from access.lens import Lens
from api.asking import ASKED_BY_ALL, ThroughLens, bounded
from api.masking import ACCOUNT, PERSON, event_views, shown_with
from core.alert import SEPARATOR
from core.errors import BadQuery
from core.ports import EventQuery, EventReader
from core.search import groups, parsed
from core.totals import whole

Order = Literal["events", "records", "bytes"]
SUMS = ("data.records", "data.bytes")


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A query; `pointed` where it is about certain persons, or asks by what identifies them: then even a total is a
    look at them."""

    query: EventQuery
    pointed: bool


def asked(
    text: str | None, since: datetime | None, until: datetime | None, lens: Lens, by: Sequence[str] = ()
) -> Asked:
    """What somebody asks for, `since` <= time < `until`, as far as the lens reaches; `by` are the fields of totals.
    Raises `BadQuery`, and `Masked` where it would tell who somebody is."""
    condition, fields = (None, frozenset[str]()) if text is None else parsed(text, ThroughLens(lens))
    query = EventQuery(start=_utc(since), end=_utc(until), condition=condition)
    fields |= set(groups(by) if by else ()) - {ACCOUNT}
    return Asked(bounded(query, fields, lens), not fields <= ASKED_BY_ALL - {PERSON})


def event_page(
    events: EventReader, asked: Asked, lens: Lens, *, limit: int, newest: bool, after: str | None
) -> tuple[EventPage, frozenset[str]]:
    """Some events as documents, and whose they are. Raises `BadQuery` where `after` is none of ours."""
    place = None if after is None else _place(after)
    found = events.read(replace(asked.query, columns=shown_with(lens), limit=limit, newest=newest, after=place))
    documents = event_views(found, lens)
    last = documents[-1] if len(documents) == limit else None
    page = EventPage(events=documents, next=f"{last['@timestamp']},{last['event.id']}" if last else None)
    return page, frozenset(lens.directory.who(found).drop_nulls())


def totals(
    events: EventReader, asked: Asked, by: Sequence[str], lens: Lens, *, order: Order, limit: int
) -> tuple[list[TotalView], frozenset[str]]:
    """Totals by fields, the largest first, and whom they show. In the place of an account stand the
    pseudonyms of those whose it was, unless everybody is shown. Raises `BadQuery` for a field that nothing can be
    counted by."""
    names = groups(by)
    found = events.totals(asked.query, names, lens.directory.calendar.zone, SUMS)
    whose: dict[str, frozenset[str]] = {}
    if ACCOUNT in names:
        called = {account: _called(account, lens) for account in found[ACCOUNT].drop_nulls().unique()}
        for said, persons in called.values():
            whose[said] = whose.get(said, frozenset()) | persons
        shown = pl.col(ACCOUNT).replace({account: said for account, (said, _) in called.items()})
        found = whole([found.with_columns(shown)], names, SUMS)
    found = found.rename({"data.records": "records", "data.bytes": "bytes"}).sort(
        order, descending=True, maintain_order=True
    )
    views = [
        TotalView(by={name: _text(row.pop(name)) for name in names}, **row)
        for row in found.head(limit).iter_rows(named=True)
    ]
    seen = {person for view in views for person in whose.get(view.by.get(ACCOUNT) or "", ())}
    if asked.pointed and ACCOUNT not in names:
        accounts = events.totals(asked.query, [ACCOUNT])[ACCOUNT].drop_nulls()
        seen |= {person for account in accounts for person in _called(account, lens)[1]}
    return views, frozenset(seen)


def _called(account: str, lens: Lens) -> tuple[str, frozenset[str]]:
    """What stands for an account, and whose it is."""
    persons = frozenset(filter(lens.within, lens.directory.persons_of(account)))
    if lens.shown() is None:
        return account, persons
    return SEPARATOR.join(sorted(map(lens.pseudonym, persons))), persons


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
