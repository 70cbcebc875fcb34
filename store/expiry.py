"""Letting go of what is older than it may be kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import polars as pl

from core.ports import Records
from store.manifest import EVENT, Segment
from store.records import SqlRecords
from store.sealed import Sealed

EXPIRED = "expired"


def note_expiry(records: SqlRecords, before: datetime, hold: Collection[str]) -> None:
    """Note what is about to go, so that a store that does not know the ids of what is gone does not take it again."""
    records.set_setting(EXPIRED, json.dumps([before.astimezone(UTC).isoformat(), sorted(hold)]))


def noted_expiry(records: Records) -> tuple[datetime | None, frozenset[str]]:
    """Up to when events have expired, and of which accounts not."""
    found = records.setting(EXPIRED)
    if found is None:
        return None, frozenset()
    before, hold = json.loads(found)
    return datetime.fromisoformat(before), frozenset(hold)


def expire(sealed: Sealed, segments: Sequence[Segment], before: datetime, hold: Collection[str]) -> int:
    """Delete rows of these segments older than `before`, but no events of accounts on hold; returns how many went.
    Segments wholly older go unread."""
    old = [segment for segment in segments if segment.first is not None and segment.first < before]
    whole = [s for s in old if s.last is not None and s.last < before and not (hold and s.kind == EVENT)]
    sealed.replace(whole, [])
    gone = sum(segment.rows for segment in whole)
    for segment in old:
        if segment not in whole:
            left = sealed.load([segment]).filter(_kept(segment, before, hold))
            if left.height < segment.rows:
                sealed.replace([segment], sealed.seal(segment.kind, segment.source, left, segment.rules_version))
                gone += segment.rows - left.height
    return gone


def _kept(segment: Segment, before: datetime, hold: Collection[str]) -> pl.Expr:
    young = pl.col("@timestamp") >= before.astimezone(UTC)
    if segment.kind != EVENT:
        return young
    return young | pl.col("user.account").is_in(list(hold)).fill_null(False)
