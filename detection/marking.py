"""Which days the events of a batch touch, and how urgent it is to judge them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from core.calendar import CompanyCalendar
from core.ports import Mark
from detection.rulebook import RuleBook

LAST_DAY = date(9999, 12, 31)
MANY = 1_000
DECISIVE = 50
"""More than anything is rare, less than what people wait for."""


def touched(events: pl.DataFrame, calendar: CompanyCalendar, book: RuleBook) -> list[Mark]:
    """One mark per account: its first company day to its last one plus the days its tagged events bear on. Most urgent
    is an event that may raise an alert alone; of others, the rarer the rarest of their tags among these events, the
    more urgent."""
    days = (
        events.select("user.account", calendar.day_expr().alias("day"), _urgency(events, book).alias("urgent"))
        .lazy()
        .filter(pl.col("user.account").is_not_null())
        .group_by("user.account")
        .agg(pl.col("day").min().alias("first"), pl.col("day").max().alias("last"), pl.col("urgent").max())
        .sort("user.account")
        .collect()
    )
    return [
        Mark(subject=account, first=first, last=_after(last, book.reach), urgent=urgent)
        for account, first, last, urgent in days.iter_rows()
    ]


def _urgency(events: pl.DataFrame, book: RuleBook) -> pl.Series:
    """How often the number of events that carry an event's rarest tag can be doubled before all of them do, and
    `DECISIVE` more for an event that may be enough. Of few events nothing is known, and there is little to wait for:
    they are looked at as among `MANY`."""
    tags = events.select("rule.matched").with_row_index("row").explode("rule.matched").drop_nulls()
    halvings = (max(events.height, MANY) / pl.len()).log(2).floor().cast(pl.Int64).over("rule.matched")
    rarest = tags.select("row", halvings.alias("urgent"))
    enough = [_enough(tags, events, *alone).with_columns(urgent=pl.lit(DECISIVE, pl.Int64)) for alone in _alone(book)]
    most = pl.concat([rarest, *enough]).group_by("row").agg(pl.col("urgent").max())
    rows = pl.DataFrame({"row": range(events.height)}, schema={"row": pl.UInt32()})
    return rows.join(most, on="row", how="left", maintain_order="left")["urgent"].fill_null(0)


def _alone(book: RuleBook) -> Iterator[tuple[tuple[str, ...], str | None, float]]:
    """Tags of which one event is enough for an alert: any, or one whose number in a field reaches a limit."""
    plain = (rule for rule in book.judged if rule.kind == "event" and not rule.leavers_only)
    yield tuple(rule.name for rule in plain if not rule.extra.first_seen), None, 0
    for rule in book.judged:
        window = rule.correlation
        if window and window.type == "value_sum" and window.bounds.upwards and not rule.nested:
            yield window.rules, window.field, window.limit


def _enough(
    tags: pl.DataFrame, events: pl.DataFrame, names: tuple[str, ...], field: str | None, limit: float
) -> pl.DataFrame:
    rows = tags.filter(pl.col("rule.matched").is_in(names)).select("row")
    return rows if field is None else rows.filter(events[field].gather(rows["row"]) >= limit)


def _after(day: date, days: int) -> date:
    return day + timedelta(days=days) if day < LAST_DAY - timedelta(days=days) else LAST_DAY
