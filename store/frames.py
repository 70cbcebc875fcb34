"""Columns in and out of the event store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC

import polars as pl

from core.batch import Quarantined
from core.ports import EventQuery

QUARANTINED: dict[str, pl.DataType] = {
    "id": pl.String(),
    "source": pl.String(),
    "file": pl.String(),
    "sequence": pl.Int64(),
    "reason": pl.String(),
    "original": pl.Binary(),
    "context": pl.String(),
}


def matching(query: EventQuery) -> pl.Expr:
    """The condition of a query."""
    wanted = pl.lit(True)
    if query.start is not None:
        wanted &= pl.col("@timestamp") >= query.start.astimezone(UTC)
    if query.end is not None:
        wanted &= pl.col("@timestamp") < query.end.astimezone(UTC)
    if query.accounts is not None:
        wanted &= pl.col("user.account").is_in(list(query.accounts))
    if query.ids is not None:
        wanted &= pl.col("event.id").is_in(list(query.ids))
    if query.tagged is not None:
        wanted &= pl.col("rule.matched").list.eval(pl.element().is_in(list(query.tagged))).list.any()
    return wanted


def only_new(frame: pl.DataFrame) -> pl.DataFrame:
    """Each id once, the first time it stands there."""
    return frame.unique(subset=["id" if "id" in frame.columns else "event.id"], keep="first", maintain_order=True)


def quarantine_frame(bad: Sequence[Quarantined]) -> pl.DataFrame:
    return pl.DataFrame([asdict(record) for record in bad], schema=QUARANTINED)


def quarantined_rows(frame: pl.DataFrame) -> Iterator[Quarantined]:
    return (Quarantined(**row) for row in frame.iter_rows(named=True))


def seen_accounts(events: pl.DataFrame) -> dict[str, list[str]]:
    """Every account of the events with the other keys beside it: its SID, its mail address."""
    keys = (
        events.lazy()
        .filter(pl.col("user.account").is_not_null())
        .select(
            pl.col("user.account"),
            pl.when(pl.col("user.id").str.starts_with("S-1-")).then("sid:" + pl.col("user.id").str.to_lowercase()),
            pl.when(pl.col("user.email") != "").then("mail:" + pl.col("user.email").str.to_lowercase()).alias("mail"),
        )
    )
    rows = keys.unique().sort(pl.all()).collect().iter_rows()
    seen: dict[str, list[str]] = {}
    for account, *others in rows:
        known = seen.setdefault(account, [])
        known += [key for key in others if key and key != account and key not in known]
    return seen
