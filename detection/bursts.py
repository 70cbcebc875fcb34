"""What correlations find in records of no person: bursts, from the record at which a window comes to hold on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from detection.correlations import Correlation
from detection.holding import happening, held
from detection.rule import Rule
from detection.seen import ORDER, Seen, grouped
from detection.windows import STAGE_THEN, TIME, Places, moments, runs

MOST_RECORDS = 1_000
"""Of a burst so many records are named at most."""
JOINED: Mapping[str, pl.DataType] = {"day": pl.Date(), STAGE_THEN: pl.String(), "leaver.stage": pl.String()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """A window of some group that came to hold at `time` (in `record`) and went on to hold until `last`. `value` is the
    furthest it went, `events` how many records it is made of, `first` the time of the first of these, `records` their
    numbers; `begins` is false of what goes on from a slice of time before."""

    group: Mapping[str, str | None]
    record: int
    time: datetime
    first: datetime
    last: datetime
    value: float | None
    events: int
    records: tuple[int, ...]
    begins: bool = True

    def going_on(self, more: Burst, *, downwards: bool) -> Burst:
        """This burst with what came of it in the next slice of time."""
        values = [value for value in (self.value, more.value) if value is not None]
        return replace(
            self,
            last=more.last,
            value=(min if downwards else max)(values, default=None),
            events=self.events + more.events,
            records=(self.records + more.records)[:MOST_RECORDS],
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Records from `since` to before `until`, with those before that bear on them: columns `@timestamp`, `event.id` (a
    record's number), `rule.matched`, and those that windows look at."""

    since: datetime
    until: datetime
    records: pl.DataFrame


def reach(rule: Rule) -> timedelta:
    """How far before a record others bear on whether a burst begins there."""
    return 2 * (rule.below + _window(rule).span)


def bursts(rule: Rule, rules: Mapping[str, Rule], spans: Iterable[Span]) -> Iterator[Burst]:
    """The bursts that a correlation finds, over spans of time that follow each other, told when they are over."""
    window = _window(rule)
    going: dict[tuple[str | None, ...], Burst] = {}
    for span in spans:
        done = []
        for burst in _within(rule, rules, span):
            key = tuple(burst.group.values())
            if not burst.begins and key in going:
                going[key] = going[key].going_on(burst, downwards=window.bounds.downwards)
                continue
            if key in going:
                done.append(going.pop(key))
            going[key] = burst
        over = [key for key, burst in going.items() if burst.last + window.span <= span.until]
        done += [going.pop(key) for key in over]
        yield from sorted(done, key=lambda burst: (burst.time, burst.record))
    yield from sorted(going.values(), key=lambda burst: (burst.time, burst.record))


def _within(rule: Rule, rules: Mapping[str, Rule], span: Span) -> list[Burst]:
    window = _window(rule)
    nobody = [pl.lit("").alias("person.id"), *(pl.lit(None, dtype).alias(name) for name, dtype in JOINED.items())]
    seen = Seen(span.records.with_columns(nobody).sort(ORDER), rules, happening)
    if seen.never(rule):
        return []
    found = held(rule, seen)
    rows = found.rows.with_columns(pl.Series("holds", found.holds), pl.Series("begins", found.holds & ~found.again))
    rows = rows.filter(pl.col("holds") & (pl.col(TIME) >= span.since))
    if not rows.height:
        return []
    group = pl.Series("group", runs(rows, window.group))
    turns = (pl.col("begins") | (pl.col("group") != pl.col("group").shift(1))).fill_null(True)
    furthest = pl.col("total").min() if window.bounds.downwards else pl.col("total").max()
    alike = rows.with_columns(group).with_columns(turns.cum_sum().alias("turn")).group_by("turn", maintain_order=True)
    told = alike.agg(
        pl.col(*window.group, "begins", "at").first(),
        pl.col(TIME).first().alias("time"),
        pl.col(TIME).last().alias("last"),
        pl.when(pl.col("begins")).then(pl.col("since") - rule.below).otherwise(TIME).first().alias("since"),
        furthest.alias("total"),
    )
    return list(_told(window, seen, told))


def _told(window: Correlation, seen: Seen, told: pl.DataFrame) -> Iterator[Burst]:
    below = grouped(window, seen, leaves=seen.leaves(window.rules))
    first, end = _places(below, told, list(window.group))
    numbers = seen.events["event.id"].gather(below["at"]).to_numpy()
    times, ids = below[TIME], seen.events["event.id"]
    for row, start, stop in zip(told.iter_rows(named=True), first.tolist(), end.tolist(), strict=True):
        yield Burst(
            group={name[1:]: row[name] for name in window.group if name != "person.id"},
            record=ids[row["at"]],
            time=row["time"],
            first=times[start] if row["begins"] else row["time"],
            last=row["last"],
            value=row["total"],
            events=stop - start,
            records=tuple(numbers[start : min(stop, start + MOST_RECORDS)].tolist()),
            begins=row["begins"],
        )


def _places(rows: pl.DataFrame, told: pl.DataFrame, groups: Sequence[str]) -> tuple[Places, Places]:
    """Of each burst the first row of its group from its start on, and the row behind its last one."""
    known = rows.select(groups).unique(maintain_order=True).with_row_index("group")

    def numbered(frame: pl.DataFrame) -> Places:
        joined = frame.select(groups).join(known, on=list(groups), how="left", nulls_equal=True, maintain_order="left")
        return joined["group"].cast(pl.Int64).to_numpy()

    sinces, lasts = (moments(told.select(pl.col(name).alias(TIME))) for name in ("since", "last"))
    ranks = np.unique(np.concatenate([moments(rows), sinces, lasts]), return_inverse=True)[1]
    wide, own = np.int64(len(ranks) + 1), numbered(told)
    keys = numbered(rows) * wide + ranks[: rows.height]
    since, last = np.split(ranks[rows.height :], 2)
    return np.searchsorted(keys, own * wide + since, "left"), np.searchsorted(keys, own * wide + last, "right")


def _window(rule: Rule) -> Correlation:
    if rule.correlation is None:
        raise TypeError(f"{rule.name} is no correlation")
    return rule.correlation
