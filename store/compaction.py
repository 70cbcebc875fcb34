"""Which small segments are worth merging, so that files are few, of one month each, and ordered by account."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import polars as pl

from store.manifest import EVENT, LINES, Segment
from store.sealed import Sealed

FAN_OUT = 8
SMALLEST = 64 << 10
FULL = 32 << 20
"""Bytes in memory. A segment this large is left alone."""
BUDGET = 2 * FULL
"""Bytes in memory that one merge reads: any two that are not full fit."""
ORDER = {EVENT: ["user.account", "@timestamp", "event.id"], LINES: ["key", "@timestamp", "event.id"]}

Month = tuple[int, int]


def compact(sealed: Sealed, segments: Sequence[Segment]) -> bool:
    """Do one merge among the segments of one kind; False where none is worth it. Rows stay what they are."""
    group = worth_merging(segments)
    if not group:
        return False
    first = group[0]
    rows = sealed.load(group).sort(ORDER[first.kind])
    merged = [s for part in _months(rows) for s in sealed.seal(first.kind, first.source, part, first.rules_version)]
    sealed.replace(group, merged)
    return True


def worth_merging(segments: Sequence[Segment]) -> list[Segment]:
    """The next group to merge, neighbours in time; empty when there is none. All of one source, month and version.

    Of like size, eight or enough for a full one make a group. In a month that has passed any two do: nothing more is
    expected there.
    """
    groups: dict[tuple[str, Month | None, str], list[Segment]] = {}
    newest: dict[str, Month] = {}
    for segment in sorted(segments, key=lambda s: (s.first is None, s.first, s.file)):
        if segment.last:
            newest[segment.source] = max(newest.get(segment.source, (0, 0)), _month(segment))
        if segment.bytes < FULL:
            groups.setdefault((segment.source, _only_month(segment), segment.rules_version), []).append(segment)
    for (source, month, _), small in groups.items():
        if month and month < newest[source] and len(small) > 1:
            return list(_fitting(small))
        for level in {_level(segment) for segment in small}:
            alike = list(_fitting([segment for segment in small if _level(segment) == level]))
            if len(alike) >= FAN_OUT or (len(alike) > 1 and sum(s.bytes for s in alike) >= FULL):
                return alike
    return []


def _fitting(segments: Sequence[Segment]) -> Iterator[Segment]:
    """As many of the first ones as a merge may hold in memory."""
    held = 0
    for segment in segments:
        held += segment.bytes
        if held > BUDGET:
            return
        yield segment


def _level(segment: Segment) -> int:
    return max(0, int(math.log(max(1, segment.bytes / SMALLEST), FAN_OUT)))


def _month(segment: Segment) -> Month:
    return (segment.last.year, segment.last.month) if segment.last else (0, 0)


def _only_month(segment: Segment) -> Month | None:
    """The UTC month all rows are of; None where they are of several."""
    if segment.first and (segment.first.year, segment.first.month) == _month(segment):
        return _month(segment)
    return None


def _months(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows of each month, one after the other; mostly there is one, and then nothing is copied."""
    month = rows.select(pl.col("@timestamp").dt.truncate("1mo").alias("month"))["month"]
    months = month.unique().sort()
    return (rows.filter(month.eq_missing(one)) if len(months) > 1 else rows for one in months)
