"""From tagged candidates to hits: the condition again with the joined fields, and only new values where asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import polars as pl

from detection.passing import passing
from detection.rule import FirstSeen, Rule
from detection.windows import A_DAY, TIME


def hits(rule: Rule, tagged: pl.DataFrame) -> pl.DataFrame:
    """Of the events that bear the single-event rule's tag, with everything joined, those that it hits."""
    rows = tagged
    if rule.exact is not None:
        rows = rows[passing(rule.exact, rows)]
    return _new_values(rows, rule.extra.first_seen) if rule.extra.first_seen else rows


def needed(rules: Iterable[Rule]) -> set[str]:
    """The single-event rules at the bottom of these rules."""
    return {name for rule in rules for name in rule.leaves}


def _new_values(rows: pl.DataFrame, seen: FirstSeen) -> pl.DataFrame:
    """Rows whose value the person has not shown before, or all others that have one. A value stays new for a day;
    without a past nothing is new."""
    rows = rows.filter(pl.col(seen.field).is_not_null()).sort(TIME, "event.id")
    known = _last_before(rows, ["person.id", seen.field], A_DAY, seen.days)
    history = _last_before(rows, ["person.id"], timedelta(days=seen.min_days), seen.days)
    new = ~known & history
    return rows.filter(~new if seen.known else new)


def _last_before(rows: pl.DataFrame, keys: list[str], age: timedelta, days: int) -> pl.Series:
    """For each row, whether the same keys occur at least `age` and at most `days` before it."""
    past = rows.select(*keys, pl.col(TIME).alias("seen"))
    asked = rows.select(*keys, (pl.col(TIME) - age).alias("by"), pl.col(TIME))
    found = asked.join_asof(past, left_on="by", right_on="seen", by=keys, check_sortedness=False)
    return found.select((pl.col("seen") >= pl.col(TIME) - timedelta(days=days)).fill_null(False).alias("known"))[
        "known"
    ]
