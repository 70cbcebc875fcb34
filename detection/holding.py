"""At which events a correlation's window holds, and against which limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detection.bounds import literal
from detection.chains import NEVER, Chains
from detection.correlations import Correlation
from detection.rule import Rule, Usual
from detection.seen import Happening, Seen, grouped, ruled
from detection.windows import A_DAY, STAGE_THEN, TIME, Windows, runs, window_totals

MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class Past:
    """What one rule needs to know of the days before `since` that are not read again: the windows at the ends of quiet
    days, and which windows held last; of a behaviour, its days."""

    since: date
    usual: list[pl.DataFrame] = field(default_factory=list)
    held: pl.DataFrame | None = None
    days: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The events a window looks at, sorted by its groups and time, an event once for each of its groups; in which of
    them it `holds`, and whether it had held at the event before, if that has not left it (`again`). Rows have what the
    window holds (`total`) and `since` when."""

    rows: pl.DataFrame
    holds: NDArray[np.bool_]
    again: NDArray[np.bool_]


def held(rule: Rule, seen: Seen) -> Held:
    """Where a correlation's window holds."""
    window = _window(rule)
    if window.counted:
        rows = grouped(window, seen)
        windows = Windows.of(rows, window.group, window.span)
        rows = holding(rule, totalled(rows, windows, window), None)
        holds = rows["holds"].to_numpy()
        rows = rows.with_columns(rows[TIME].gather(windows.start).alias("since"))
    else:
        # An event that is several of the rules is one event: it holds where it does as any of them.
        each = chained(window, ruled(window, seen)).group_by([*window.group, "at"], maintain_order=True)
        rows = each.agg(pl.col(TIME).first(), pl.col("since").min(), pl.col("total").max())
        windows = Windows.of(rows, window.group, window.span)
        holds = rows["since"].is_not_null().to_numpy()
    before = np.arange(rows.height) - 1
    return Held(rows, holds, (windows.start <= before) & holds[before])


def happening(rule: Rule, seen: Seen) -> Happening:
    """At which events a correlation that others build on happens: where its window holds. It begins where it had not
    held at the event before, or that has left the window."""
    found = held(rule, seen)
    at = found.rows["at"].to_numpy()
    return Happening(np.unique(at[found.holds]), np.unique(at[found.holds & ~found.again]))


def totalled(rows: pl.DataFrame, windows: Windows, window: Correlation) -> pl.DataFrame:
    """The rows with what the window there holds (`total`) and its `limit`."""
    total = window_totals(rows, windows, window.measure).alias("total")
    return rows.with_columns(total, literal(window.limit).alias("limit"), pl.lit(None, pl.Float64).alias("own_usual"))


def holding(rule: Rule, rows: pl.DataFrame, past: Past | None) -> pl.DataFrame:
    """The rows, which are `totalled`, with the person's `own_usual`, the `limit` it makes, and whether the window
    `holds`."""
    window = _window(rule)
    if rule.extra.usual:
        rows = _with_usual(rule.extra.usual, window, rows, past)
    return rows.with_columns(_over(window).alias("holds"))


def chained(window: Correlation, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the moment `since` which what a temporal window asks for has been there, null where it is not, and
    how many of its rules have happened, where these are counted (`total`)."""
    chains = Chains.of(rows, window.group, window.rules)
    total = pl.Series("total", [None] * rows.height, pl.Int64)
    if window.ways:
        start = chains.starts(window.ways, window.span, ordered=window.type == "temporal_ordered")
    else:
        count, holds, first = chains.counted(window.bounds, window.span)
        start, total = np.where(holds, first, NEVER), pl.Series("total", count)
    since = pl.Series(start).replace(NEVER, None).cast(pl.Int64).cast(rows.schema[TIME]).alias("since")
    return rows.with_columns(since, total)


def fires(rule: Rule, rows: pl.DataFrame, windows: Windows, past: Past | None) -> pl.DataFrame:
    """Events at which the window holds and had not held at the end of the person's previous active day, as far as the
    window reaches back to it; of windows up to a day also those where that day alone holds it."""
    window = _window(rule)
    rows = totalled(rows, windows, window)
    if past is None:
        # A usual makes it only rarer: groups that never reach the plain limit need no further look.
        over = rows.select(_over(window)).to_series().to_numpy()
        kept = np.isin(windows.group, windows.group[over])
        rows, windows = rows.filter(pl.Series(kept)), windows.kept(kept)
    if not rows.height:
        return rows.with_columns(pl.lit(None, rows.schema[TIME]).alias("since"))
    rows = holding(rule, rows, past)
    days = runs(rows, [*window.group, "day"])
    ends = np.searchsorted(days, np.arange(days[-1] + 1), "right") - 1
    held = rows[ends].select(*window.group, "day", "holds")
    if past:
        held = _remembered(held, past, list(window.group))
    last = np.searchsorted(days, days, "left") - 1
    before = (windows.start <= last) & np.roll(held["holds"].to_numpy(), 1)[days]
    new = rows["holds"].to_numpy() & ~before
    if window.span <= A_DAY:
        of_day = rows.with_columns(window_totals(rows, windows.within(days), window.measure).alias("total"))
        alone = of_day.select(_over(window)).to_series().to_numpy()
        new |= rows["holds"].to_numpy() & alone
    fired = rows.filter(pl.Series(new)).with_columns((pl.col(TIME) - window.span + MICROSECOND).alias("since"))
    return fired.filter(pl.col("day") >= past.since) if past else fired


def _remembered(held: pl.DataFrame, past: Past, groups: list[str]) -> pl.DataFrame:
    """Whether windows held at the ends of days, those before `since` as was found when they were judged."""
    if past.held is not None:
        known = held.join(past.held, on=[*groups, "day"], how="left", nulls_equal=True, maintain_order="left")
        before = pl.col("day") < past.since
        held = known.with_columns(
            pl.when(before).then(pl.coalesce("holds_right", "holds")).otherwise("holds").alias("holds")
        ).drop("holds_right")
    judged = held.filter(pl.col("day") >= past.since)
    both = pl.concat([*([] if past.held is None else [past.held]), judged])
    past.held = both.sort("day").unique(groups, keep="last", maintain_order=True)
    return held


def _with_usual(usual: Usual, window: Correlation, rows: pl.DataFrame, past: Past | None) -> pl.DataFrame:
    """Raise the limit to `times` the person's usual and `worst` times their most; days after a notice are not usual."""
    groups = list(window.group)
    keys = [*groups, "day"]
    judged = rows.filter(pl.col("day") >= past.since) if past else rows
    # The window at a day's end is compared with later days only once it lies wholly before theirs.
    lag = timedelta(days=max(0, -(-window.span // A_DAY) - 1))
    quiet = judged.filter(pl.col(STAGE_THEN) == "active")
    ends = quiet.group_by(keys).agg(pl.col("total").last()).with_columns(pl.col("day") + lag)
    if past:
        past.usual.append(ends)
        ends = pl.concat(past.usual)
    if window.span > A_DAY:
        ends = _whole(ends, groups, window.span)
    asked = judged.select(keys).unique().join(ends, on=keys, how="full", coalesce=True, nulls_equal=True).sort("day")
    back = f"{usual.days}d"
    known = pl.col("total").is_not_null().cast(pl.Int64).rolling_sum_by("day", back, closed="left").over(groups)
    median = pl.col("total").cast(pl.Float64).rolling_median_by("day", back, closed="left").over(groups)
    most = pl.col("total").cast(pl.Float64).rolling_max_by("day", back, closed="left").over(groups)
    enough = pl.when(known >= usual.min_days)
    own = asked.select(*keys, enough.then(median).alias("own_usual"), enough.then(most).alias("own_most"))
    joined = rows.drop("own_usual").join(own, on=keys, how="left", nulls_equal=True, maintain_order="left")
    limits = [pl.col("limit").cast(pl.Float64), pl.col("own_usual") * usual.times]
    limits += [pl.col("own_most") * usual.worst] if usual.worst else []
    return joined.with_columns(pl.max_horizontal(limits).alias("limit")).drop("own_most")


def _whole(ends: pl.DataFrame, groups: list[str], span: timedelta) -> pl.DataFrame:
    """Windows before which the person had been active: one that reaches back behind the first activity holds less than
    such windows usually do."""
    rows = ends.sort("day").with_columns((pl.col("day") - span).alias("by"))
    before = rows.select(*groups, pl.col("day").alias("seen"))
    found = rows.join_asof(before, left_on="by", right_on="seen", by=groups, check_sortedness=False)
    return found.filter(pl.col("seen") >= pl.col("by") - span).drop("by", "seen")


def _over(window: Correlation) -> pl.Expr:
    return window.bounds.hold(pl.col("total"), pl.col("limit"))


def _window(rule: Rule) -> Correlation:
    if rule.correlation is None:
        raise TypeError(f"{rule.name} is no correlation")
    return rule.correlation
