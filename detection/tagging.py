"""Tag whole batches with the single-event rules that match, and say which days that touches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from core.calendar import CompanyCalendar
from core.canonical import content_id
from core.ports import Mark
from core.schema import SCHEMA
from detection.derive import Surroundings, derive
from detection.rulebook import RuleBook

LAST_DAY = date(9999, 12, 31)
BITS = 62
"""Rules whose answers fit into one number."""
MANY = 1_000


class Tagger:
    """Fills `rule.matched`. Where a rule needs fields joined later, an event that may match is tagged too."""

    def __init__(self, book: RuleBook, surroundings: Surroundings) -> None:
        self.version = content_id(book.version, str(surroundings))
        self._surroundings = surroundings
        self._rules = [(rule.name, rule.candidate) for rule in book.event_rules if rule.candidate is not None]
        groups = (self._rules[start : start + BITS] for start in range(0, len(self._rules), BITS))
        self._words = [_word(group).alias(f"word {number}") for number, group in enumerate(groups)]

    def tag(self, events: pl.DataFrame) -> pl.DataFrame:
        """The events with `rule.matched`: names of rules in order, null where there are none."""
        if not events.height or not self._rules:
            return events.with_columns(pl.lit(None, SCHEMA["rule.matched"]).alias("rule.matched"))
        hits = derive(events, self._surroundings).lazy().select(self._words).collect()
        combined = hits.unique().sort(pl.all())
        matched = pl.Series("rule.matched", [self._names(row) for row in combined.iter_rows()], SCHEMA["rule.matched"])
        named = hits.join(combined.with_columns(matched), on=hits.columns, maintain_order="left")
        return events.with_columns(named["rule.matched"])

    def _names(self, words: Sequence[int]) -> list[str] | None:
        """Names of the rules whose bits are set."""
        names = [name for place, (name, _) in enumerate(self._rules) if words[place // BITS] >> place % BITS & 1]
        return names or None


def _word(rules: Sequence[tuple[str, pl.Expr]]) -> pl.Expr:
    """The rules' answers for an event as bits of one number: few numbers occur, so names are looked up per number."""
    bits = (candidate.fill_null(True).cast(pl.Int64) * (1 << place) for place, (_, candidate) in enumerate(rules))
    return pl.sum_horizontal(*bits)


def touched(events: pl.DataFrame, calendar: CompanyCalendar, reach: int) -> list[Mark]:
    """One mark per account: its first company day to its last one plus `reach`, the days its events bear on. The rarer
    the rarest of its tags among these events, the more urgent."""
    days = (
        events.lazy()
        .filter(pl.col("user.account").is_not_null())
        .select("user.account", calendar.day_expr().alias("day"), _rarity(events).alias("rarity"))
        .group_by("user.account")
        .agg(pl.col("day").min().alias("first"), pl.col("day").max().alias("last"), pl.col("rarity").max())
        .sort("user.account")
        .collect()
    )
    return [
        Mark(subject=account, first=first, last=_after(last, reach), urgent=rarity)
        for account, first, last, rarity in days.iter_rows()
    ]


def _rarity(events: pl.DataFrame) -> pl.Series:
    """How often the number of events that carry an event's rarest tag can be doubled before all of them do. Of few
    events nothing is known, and there is little to wait for: they are looked at as among `MANY`."""
    tags = events.select("rule.matched").with_row_index("row").explode("rule.matched").drop_nulls()
    halvings = (max(events.height, MANY) / pl.len()).log(2).floor().cast(pl.Int64).over("rule.matched")
    rarest = tags.select("row", halvings.alias("rarity")).group_by("row").agg(pl.col("rarity").max())
    rows = pl.DataFrame({"row": range(events.height)}, schema={"row": pl.UInt32()})
    return rows.join(rarest, on="row", how="left", maintain_order="left")["rarity"].fill_null(0)


def _after(day: date, days: int) -> date:
    return day + timedelta(days=days) if day < LAST_DAY - timedelta(days=days) else LAST_DAY
