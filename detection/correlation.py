"""From tagged events to findings: a rule's matches, one per person and company day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from core.alert import Fact, Match
from detection.evidence import FACT_FIELDS, Evidence, Slice
from detection.holding import Past, chained, fires
from detection.rule import Rule
from detection.seen import Seen, grouped, ruled
from detection.windows import TIME, Windows

NOTHING = (("observed", pl.Int64), ("limit", pl.Float64), ("own_usual", pl.Float64))
"""What a finding may know of its window, and does not where there is none."""


def findings(rule: Rule, seen: Seen, past: Past | None = None) -> list[Match]:
    """The rule's matches among the events seen.

    With `past`, days from `past.since` on are judged, events before it only fill their windows, and what later days
    need to know of these is added to it.
    """
    if seen.never(rule):
        return []
    window = rule.correlation
    if window is None:
        columns = ["person.id", TIME, "day", "leaver.stage"]
        fired = seen.rows(seen.happens(rule.name).begins, columns).with_columns(pl.col(TIME).alias("since"))
    elif window.counted:
        rows = grouped(window, seen)
        fired = fires(rule, rows, Windows.of(rows, window.group, window.span), past)
        fired = fired.rename({"total": "observed"})
    else:
        found = chained(window, ruled(window, seen))
        fired = found.filter(pl.col("since").is_not_null()).rename({"total": "observed"})
    if rule.extra.for_stages:
        fired = fired.filter(pl.col("leaver.stage").is_in(sorted(rule.extra.for_stages)))
    return _matches(rule, seen, fired) if fired.height else []


def _matches(rule: Rule, seen: Seen, fired: pl.DataFrame) -> list[Match]:
    """One match per person and day from the events that fired; of several groups the one that fired most strongly."""
    window = rule.correlation
    groups = list(window.group) if window else ["person.id"]
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in NOTHING if name not in fired.columns]
    downwards = window is not None and window.bounds.downwards
    strongest = pl.col("observed").min() if downwards else pl.col("observed").max()
    days = (
        fired.with_columns(missing)
        .sort(TIME, "at")
        .group_by(*groups, "day", maintain_order=True)
        .agg(
            pl.col(TIME).first().alias("time"),
            pl.col("since").first() - rule.below,
            strongest.alias("observed"),
            pl.col("limit", "own_usual").first(),
        )
        .sort(
            "person.id",
            "day",
            "observed",
            "time",
            *groups,
            descending=[False, False, not downwards, *[False] * (1 + len(groups))],
        )
        .group_by("person.id", "day", maintain_order=True)
        .first()
    )
    evidence = _evidence(rule, seen, days, groups)
    return [_match(rule, day, evidence.of(day), groups) for day in days.iter_rows(named=True)]


def _match(rule: Rule, day: Mapping[str, Any], events: Slice, groups: list[str]) -> Match:
    window = {name: _number(day[name]) for name, _ in NOTHING if day[name] is not None}
    named = {name: str(day[name]) for name in groups[1:] if day[name] is not None}
    return Match(
        rule=rule.name,
        person=day["person.id"],
        day=day["day"],
        time=day["time"],
        facts={"events": len(events), **window, **events.facts(), **named},
        events=events.ids(),
    )


def _evidence(rule: Rule, seen: Seen, days: pl.DataFrame, groups: list[str]) -> Evidence:
    """The events of the single-event rules at the bottom, of the groups that fired."""
    if rule.correlation is None:
        rows = seen.rows(seen.happens(rule.name).holds, ["person.id", TIME, "day"])
    else:
        rows = grouped(rule.correlation, seen, leaves=seen.leaves(rule.correlation.rules))
    own = rows.join(days.select(groups).unique(), on=groups, how="semi", nulls_equal=True, maintain_order="left")
    kept = own.select(TIME, "day", *groups)
    told = [name for name in ("event.id", *FACT_FIELDS) if name not in kept.columns]
    return Evidence(kept.hstack(seen.events.select(told)[own["at"]]), groups)


def _number(value: float) -> Fact:
    return int(value) if float(value).is_integer() else round(float(value), 2)
