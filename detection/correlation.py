"""From tagged events to findings: a rule's matches, one per person and company day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from core.alert import MAX_EVENTS, Fact, Match
from detection.rule import COUNTED, Correlation, Rule, Usual
from detection.windows import A_DAY, STAGE_THEN, TIME, latest_chain, window_totals

EXAMPLES = ("email.to.address", "target.user", "file.target_path", "file.name", "device.id", "source.ip", "crm.object")
"""Fields of which one value tells a reader most, in this order."""
FACT_FIELDS = ("data.records", "data.bytes", *EXAMPLES)


@dataclass(slots=True)
class Past:
    """What one rule needs to know of the days before `since` that are not read again: the windows at the ends of quiet
    days, and which windows held last; of a behaviour, its days."""

    since: date
    usual: pl.DataFrame | None = None
    held: pl.DataFrame | None = None
    days: pl.DataFrame | None = None


def findings(rule: Rule, hits: Mapping[str, pl.DataFrame], past: Past | None = None) -> list[Match]:
    """The rule's matches, given the events each single-event rule hit (with the columns joined, and `day`).

    With `past`, days from `past.since` on are judged, events before it only fill their windows, and what later days
    need to know of these is added to it.
    """
    window = rule.correlation
    if window is None:
        events = _in_order(hits[rule.name], ["person.id"])
        fired = events.with_columns(pl.lit(None, pl.Int64).alias("observed"), pl.col(TIME).alias("from"))
        return _matches(rule, events, fired, ["person.id"])
    groups = list(window.group)
    if window.type in COUNTED:
        events = _in_order(pl.concat(hits[name] for name in window.rules).unique("event.id"), groups)
        return _matches(rule, events, _over_limit(rule, window, events, past), groups)
    per_rule = [hits[name].with_columns(pl.lit(place).alias("place")) for place, name in enumerate(window.rules)]
    rows = pl.concat(
        frame.with_columns(pl.lit(name).alias("rule")) for frame, name in zip(per_rule, window.rules, strict=True)
    )
    # Of one event that two rules hit, the later rule's row comes first: an event does not follow itself.
    rows = rows.sort(*groups, TIME, "event.id", "place", descending=[False] * (len(groups) + 2) + [True])
    start = latest_chain(rows, groups, window.rules, ordered=window.type == "temporal_ordered")
    chained = rows.with_columns(start.alias("start")).filter(pl.col(TIME) - pl.col("start") < window.span)
    fired = chained.with_columns(pl.lit(None, pl.Int64).alias("observed"), pl.col("start").alias("from"))
    return _matches(rule, _in_order(rows.unique("event.id"), groups), fired, groups)


def _over_limit(rule: Rule, window: Correlation, events: pl.DataFrame, past: Past | None) -> pl.DataFrame:
    """Events at which the window comes to hold; of windows up to a day also those where that day alone holds it."""
    groups, field, kind = list(window.group), window.field, window.type
    frame = events.with_columns(
        window_totals(events, groups, field, kind, window.span).alias("total"),
        window_totals(events, [*groups, "day"], field, kind, window.span).alias("total_of_day"),
        pl.lit(float(window.limit)).alias("limit"),
        pl.lit(None, pl.Float64).alias("own_usual"),
    )
    if past:
        frame = frame.filter(pl.col("day") >= past.since)
    if rule.extra.usual:
        frame = _with_usual(rule.extra.usual, window, frame, groups, past)

    def above(total: str) -> pl.Expr:
        return pl.col(total) > pl.col("limit") if window.strictly else pl.col(total) >= pl.col("limit")

    ends = frame.group_by(*groups, "day").agg(above("total").last().alias("held"))
    if past:
        past.held = ends = pl.concat([ends, *_known(past.held)])
    held = ends.sort("day").select(
        *groups, "day", pl.col("held").shift(1).over(groups).fill_null(False).alias("held_before")
    )
    frame = frame.join(held, on=[*groups, "day"], nulls_equal=True, maintain_order="left")
    fires = above("total") & ~pl.col("held_before")
    if window.span <= A_DAY:
        fires |= above("total_of_day")
    return frame.filter(fires).with_columns(
        pl.col("total").alias("observed"), (pl.col(TIME) - window.span).alias("from")
    )


def _with_usual(
    usual: Usual, window: Correlation, frame: pl.DataFrame, groups: list[str], past: Past | None
) -> pl.DataFrame:
    """Raise the limit to `times` the person's usual; days after a notice are not usual."""
    keys = [*groups, "day"]
    quiet = frame.filter(pl.col(STAGE_THEN) == "active")
    # The window at a day's end is compared with later days only once it lies wholly before theirs.
    lag = timedelta(days=max(0, -(-window.span // A_DAY) - 1))
    ends = quiet.group_by(keys).agg(pl.col("total").last()).with_columns(pl.col("day") + lag)
    if past:
        past.usual = ends = pl.concat([ends, *_known(past.usual)])
    asked = frame.select(keys).unique().join(ends, on=keys, how="full", coalesce=True, nulls_equal=True).sort("day")
    back = f"{usual.days}d"
    known = pl.col("total").is_not_null().cast(pl.Int64).rolling_sum_by("day", back, closed="left").over(groups)
    median = pl.col("total").cast(pl.Float64).rolling_median_by("day", back, closed="left").over(groups)
    own = asked.select(*keys, pl.when(known >= usual.min_days).then(median).alias("own_usual"))
    joined = frame.drop("own_usual").join(own, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.max_horizontal(pl.col("limit"), pl.col("own_usual") * usual.times).alias("limit"))


def _known(frame: pl.DataFrame | None) -> list[pl.DataFrame]:
    return [] if frame is None else [frame]


def _in_order(events: pl.DataFrame, groups: list[str]) -> pl.DataFrame:
    return events.sort(*groups, TIME, "event.id")


def _matches(rule: Rule, events: pl.DataFrame, fired: pl.DataFrame, groups: list[str]) -> list[Match]:
    """One match per person and day from the events that fired; of several groups the one that fired most strongly."""
    if rule.extra.for_stages:
        fired = fired.filter(pl.col("leaver.stage").is_in(sorted(rule.extra.for_stages)))
    if not fired.height:
        return []
    strength = pl.col("observed").max() if "observed" in fired.columns else pl.len()
    optional = [name for name in ("limit", "own_usual") if name in fired.columns]
    days = (
        fired.sort(TIME, "event.id")
        .group_by(*groups, "day", maintain_order=True)
        .agg(
            pl.col(TIME).first().alias("time"),
            pl.col("from").first(),
            strength.alias("observed"),
            *(pl.col(name).first() for name in optional),
        )
        .sort(
            "person.id",
            "day",
            "observed",
            "time",
            *groups,
            descending=[False, False, True, *[False] * (1 + len(groups))],
        )
        .group_by("person.id", "day", maintain_order=True)
        .agg(pl.all().first(), pl.len().alias("groups"))
    )
    slices = _Slices(events, groups)
    return [_match(rule, day, slices.between(day), groups) for day in days.iter_rows(named=True)]


def _match(rule: Rule, day: Mapping[str, Any], events: pl.DataFrame, groups: list[str]) -> Match:
    facts: dict[str, Fact] = {"events": events.height}
    for name in ("observed", "limit", "own_usual"):
        if day.get(name) is not None:
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
    """Runs of events of one group, found by position instead of by search through all of them."""

    def __init__(self, events: pl.DataFrame, groups: list[str]) -> None:
        self._events = events
        self._groups = groups
        places = events.with_row_index("at").group_by(*groups).agg(pl.col("at").min(), pl.len())
        self._places = {tuple(row[:-2]): (row[-2], row[-1]) for row in places.iter_rows()}

    def between(self, day: Mapping[str, Any]) -> pl.DataFrame:
        """The group's events from the window's start to the end of the day."""
        start, length = self._places[tuple(day[name] for name in self._groups)]
        own = self._events.slice(start, length)
        first = own[TIME].search_sorted(day["from"], "left")
        last = own["day"].search_sorted(day["day"], "right")
        return own.slice(first, max(1, last - first))


def _number(value: float) -> Fact:
    return int(value) if float(value).is_integer() else round(float(value), 2)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
