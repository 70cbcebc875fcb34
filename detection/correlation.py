"""From tagged events to findings: a rule's matches, one per person and company day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from core.alert import MAX_EVENTS, Fact, Match
from detection.holding import Past, chained, fires
from detection.rule import Rule
from detection.seen import Seen, grouped, ruled
from detection.windows import TIME, Windows

EXAMPLES = ("email.to.address", "target.user", "file.target_path", "file.name", "device.id", "source.ip", "crm.object")
"""Fields of which one value tells a reader most, in this order."""
FACT_FIELDS = ("data.records", "data.bytes", *EXAMPLES)
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
    slices = _Slices(seen, rule, days, groups)
    return [_match(rule, day, slices.of(day), groups) for day in days.iter_rows(named=True)]


def _match(rule: Rule, day: Mapping[str, Any], events: pl.DataFrame, groups: list[str]) -> Match:
    facts: dict[str, Fact] = {"events": events.height}
    for name, _ in NOTHING:
        if day[name] is not None:
            facts[name] = _number(day[name])
    for field, name in (("data.records", "records"), ("data.bytes", "bytes")):
        if total := events[field].sum():
            facts[name] = int(total)
    examples = (str(values[0]) for field in EXAMPLES if (values := events[field].drop_nulls()).len())
    if example := next(examples, None):
        facts["example"] = example
    facts |= {name: str(day[name]) for name in groups[1:] if day[name] is not None}
    facts["first"], facts["last"] = (_text(moment) for moment in (events[TIME][0], events[TIME][-1]))
    return Match(
        rule=rule.name,
        person=day["person.id"],
        day=day["day"],
        time=day["time"],
        facts=facts,
        events=tuple(events["event.id"].head(MAX_EVENTS)),
    )


class _Slices:
    """The events that add up to findings: of the single-event rules at the bottom, found by position."""

    def __init__(self, seen: Seen, rule: Rule, days: pl.DataFrame, groups: list[str]) -> None:
        self._groups = groups
        rows = _evidence(rule, seen, groups).join(days.select(groups).unique(), on=groups, how="semi", nulls_equal=True)
        self._times, self._days = rows[TIME], rows["day"]
        self._events = seen.events.select("event.id", TIME, *FACT_FIELDS)[rows["at"]]
        places = rows.with_row_index("place").group_by(groups).agg(pl.col("place").min(), pl.len())
        self._places = {tuple(row[:-2]): (row[-2], row[-1]) for row in places.iter_rows()}

    def of(self, day: Mapping[str, Any]) -> pl.DataFrame:
        """The group's events from the window's start to the end of the day."""
        start, length = self._places[tuple(day[name] for name in self._groups)]
        first = self._times.slice(start, length).search_sorted(day["since"], "left")
        last = self._days.slice(start, length).search_sorted(day["day"], "right")
        return self._events.slice(start + first, max(1, last - first))


def _evidence(rule: Rule, seen: Seen, groups: list[str]) -> pl.DataFrame:
    """Every event of the rules at the bottom, with the columns of the groups, sorted by these and time."""
    if rule.correlation is None:
        return seen.rows(seen.happens(rule.name).holds, ["person.id", TIME, "day"])
    return grouped(rule.correlation, seen, leaves=seen.leaves(rule.correlation.rules)).select(
        *groups, TIME, "day", "at"
    )


def _number(value: float) -> Fact:
    return int(value) if float(value).is_integer() else round(float(value), 2)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
