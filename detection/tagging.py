"""Tag whole batches with the single-event rules that match, and say which days that touches."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from core.calendar import CompanyCalendar
from core.canonical import content_id
from core.ports import Mark
from core.schema import SCHEMA
from detection.derive import Surroundings, derive
from detection.rulebook import RuleBook

LAST_DAY = date(9999, 12, 31)


class Tagger:
    """Fills `rule.matched`. Where a rule needs fields joined later, an event that may match is tagged too."""

    def __init__(self, book: RuleBook, surroundings: Surroundings) -> None:
        self.version = content_id(book.version, str(surroundings))
        self._surroundings = surroundings
        self._rules = [(rule.name, rule.candidate) for rule in book.event_rules if rule.candidate is not None]

    def tag(self, events: pl.DataFrame) -> pl.DataFrame:
        """The events with `rule.matched`: names of rules in order, null where there are none."""
        if not events.height or not self._rules:
            return events.with_columns(pl.lit(None, SCHEMA["rule.matched"]).alias("rule.matched"))
        hits = derive(events, self._surroundings).select(
            pl.when(candidate.fill_null(True)).then(pl.lit(name)).alias(name) for name, candidate in self._rules
        )
        names = hits.select(pl.concat_list(pl.all()).list.drop_nulls().alias("rule.matched"))
        matched = pl.when(pl.col("rule.matched").list.len() > 0).then(pl.col("rule.matched"))
        return events.with_columns(names.select(matched.alias("rule.matched"))["rule.matched"])


def touched(events: pl.DataFrame, calendar: CompanyCalendar, reach: int) -> list[Mark]:
    """One mark per account: its first company day to its last one plus `reach`, the days its events bear on."""
    days = (
        events.lazy()
        .filter(pl.col("user.account").is_not_null())
        .group_by("user.account")
        .agg(calendar.day_expr().min().alias("first"), calendar.day_expr().max().alias("last"))
        .sort("user.account")
        .collect()
    )
    return [Mark(subject=account, first=first, last=_after(last, reach)) for account, first, last in days.iter_rows()]


def _after(day: date, days: int) -> date:
    return day + timedelta(days=days) if day < LAST_DAY - timedelta(days=days) else LAST_DAY
