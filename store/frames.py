"""Columns in and out of the event stores."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import polars as pl

from core.batch import Quarantined
from core.ports import EventQuery, Mark
from core.schema import SCHEMA, TIME
from core.totals import DAY, SINCE, UNTIL
from store.conditions import among, holds

QUARANTINED: dict[str, pl.DataType] = {
    "id": pl.String(),
    "source": pl.String(),
    "file": pl.String(),
    "sequence": pl.Int64(),
    "reason": pl.String(),
    "original": pl.Binary(),
    "context": pl.String(),
    "at": TIME,
}
ENDING = "delivery"
"""`kind` of the fragment that ends an event, whose id the event has."""
EVENT_ORDER = ("@timestamp", "event.id")

Narrow = Callable[[pl.LazyFrame], pl.LazyFrame]


def asked_for(query: EventQuery) -> Narrow:
    """The rows and columns of a query, in the order it promises."""
    columns = list(query.columns or SCHEMA)
    needed = list(dict.fromkeys([*columns, *EVENT_ORDER]))

    def narrow(lazy: pl.LazyFrame) -> pl.LazyFrame:
        found = lazy.filter(matching(query)).select(needed).sort(EVENT_ORDER, descending=query.newest)
        return (found if query.limit is None else found.head(query.limit)).select(columns)

    return narrow


def totalled(query: EventQuery, by: Sequence[str], zone: str, sums: Sequence[str], *, times: bool = False) -> Narrow:
    """The totals of a query's rows, to be made `whole`."""
    day = pl.col("@timestamp").dt.convert_time_zone(zone).dt.date().alias(DAY)
    keys = [day if name == DAY else pl.col(name) for name in by]
    many = [name for name in by if SCHEMA.get(name) == pl.List(pl.String())]
    totals = [pl.len().cast(pl.Int64).alias("events"), *(pl.col(name).cast(pl.Int128).sum() for name in sums)]
    second = pl.col("@timestamp").dt.truncate("1s")
    ends = [second.min().alias(SINCE), second.max().alias(UNTIL)] if times else []

    def narrow(lazy: pl.LazyFrame) -> pl.LazyFrame:
        rows = lazy.filter(matching(query)).select(*keys, *sums, *(["@timestamp"] if times else []))
        for name in many:
            rows = rows.with_columns(pl.col(name).list.unique()).explode(name)
        return rows.group_by(by).agg(*totals, *ends)

    return narrow


def fragments_asked_for(keys: Collection[str], since: datetime, until: datetime) -> Narrow:
    """Fragments of these keys from `since` to `until`, both included, in the order of their event."""
    times = pl.col("@timestamp").is_between(since.astimezone(UTC), until.astimezone(UTC))
    wanted = among(pl.col("key"), keys) & times
    return lambda lazy: lazy.filter(wanted).sort("@timestamp", "event.sequence", "event.id")


def matching(query: EventQuery) -> pl.Expr:
    """The condition of a query."""
    wanted = pl.lit(True)
    if query.start is not None:
        wanted &= pl.col("@timestamp") >= query.start.astimezone(UTC)
    if query.end is not None:
        wanted &= pl.col("@timestamp") < query.end.astimezone(UTC)
    if query.accounts is not None:
        wanted &= among(pl.col("user.account"), query.accounts)
    if query.ids is not None:
        wanted &= among(pl.col("event.id"), query.ids)
    if query.tagged is not None:
        wanted &= pl.col("rule.matched").list.eval(among(pl.element(), query.tagged)).list.any()
    if query.condition is not None:
        wanted &= holds(query.condition)
    if query.after is not None:
        time, event_id = query.after[0].astimezone(UTC), query.after[1]
        before, at = pl.col("@timestamp"), pl.col("event.id")
        beyond, later = (before < time, at < event_id) if query.newest else (before > time, at > event_id)
        wanted &= beyond | ((before == time) & later)
    return wanted


def only_new(frame: pl.DataFrame) -> pl.DataFrame:
    """Each id once, the first time it stands there."""
    return frame.unique(subset=[ids_column(frame)], keep="first", maintain_order=True)


def ids_column(frame: pl.DataFrame) -> str:
    return "id" if "id" in frame.columns else "event.id"


def untagged_as_null(events: pl.DataFrame) -> pl.DataFrame:
    """Events without tags have null there, never an empty list."""
    return events.with_columns(pl.when(pl.col("rule.matched").list.len() > 0).then(pl.col("rule.matched")))


def quarantine_frame(bad: Sequence[Quarantined]) -> pl.DataFrame:
    """Records as they are to be stored now."""
    rows = pl.DataFrame([asdict(record) for record in bad], schema=QUARANTINED)
    return rows.with_columns(pl.col("at").fill_null(datetime.now(UTC)))


def quarantined_rows(frame: pl.DataFrame) -> Iterator[Quarantined]:
    return (Quarantined(**row) for row in frame.iter_rows(named=True))


def due(marks: Sequence[Mark], events: pl.DataFrame, new: pl.DataFrame) -> list[Mark]:
    """The marks, but for accounts of which a batch brought nothing new; none where all of it was known."""
    if events.height and not new.height:
        return []
    nothing_new = set(events["user.account"].unique()) - set(new["user.account"].unique())
    return [mark for mark in marks if mark.subject not in nothing_new]


def seen_accounts(events: pl.DataFrame) -> dict[str, list[str]]:
    """Every account of the events with the other keys beside it: its SID, its mail address."""
    keys = (
        events.lazy()
        .filter(pl.col("user.account").is_not_null())
        .select(
            pl.col("user.account"),
            pl.when(pl.col("user.id").str.starts_with("S-1-"))
            .then("sid:" + pl.col("user.id").str.to_lowercase())
            .alias("sid"),
            pl.when(pl.col("user.email") != "").then("mail:" + pl.col("user.email").str.to_lowercase()).alias("mail"),
        )
    )
    seen: dict[str, list[str]] = {}
    for account, *others in keys.unique().sort(pl.all()).collect().iter_rows():
        known = seen.setdefault(account, [])
        known += [key for key in others if key and key != account and key not in known]
    return seen
