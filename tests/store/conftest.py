"""Stores on disk, and small batches to put into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from core.batch import FRAGMENT, Batch, Quarantined
from core.canonical import content_id
from core.ports import Mark
from core.schema import SCHEMA, conform
from store.records import SqlRecords
from store.segments import SegmentStore

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
NO_MARKS: Sequence[Mark] = ()


def events(names: Sequence[str], *, start: datetime = START, account: str = "mail:li.na@example.com") -> pl.DataFrame:
    """One event per name, an hour apart; the name makes the id."""
    frame = pl.DataFrame(
        {
            "event.id": [content_id(name) for name in names],
            "@timestamp": [start + timedelta(hours=number) for number in range(len(names))],
            "user.account": [account] * len(names),
            "event.original": list(names),
        },
        schema_overrides={"@timestamp": SCHEMA["@timestamp"]},
    )
    return conform(frame)


def batch(names: Sequence[str], **more: object) -> Batch:
    start = more.pop("start", START)
    account = more.pop("account", "mail:li.na@example.com")
    assert isinstance(start, datetime)
    frame = events(names, start=start, account=str(account))
    return Batch(source="m365_audit", file="audit.json", read=len(names), events=frame, **more)  # type: ignore[arg-type]


def fragment_batch(keys: Sequence[str]) -> Batch:
    frame = pl.DataFrame(
        {
            "event.id": [content_id("line", key, str(number)) for number, key in enumerate(keys)],
            "@timestamp": [START] * len(keys),
            "source": ["postfix"] * len(keys),
            "key": list(keys),
            "kind": ["delivery"] * len(keys),
            "event.sequence": list(range(len(keys))),
        },
        schema_overrides={"@timestamp": FRAGMENT["@timestamp"]},
    )
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in FRAGMENT.items() if name not in frame.columns]
    return Batch(
        source="postfix", file="mail.log", read=len(keys), fragments=frame.with_columns(missing).select(list(FRAGMENT))
    )


def bad(names: Sequence[str]) -> Batch:
    records = [
        Quarantined(
            id=content_id("bad", name),
            source="m365_audit",
            file="a.json",
            sequence=n,
            reason="cut",
            original=name.encode(),
        )
        for n, name in enumerate(names)
    ]
    return Batch(source="m365_audit", file="a.json", read=len(names), quarantined=records)


def mark(subject: str, first: date, last: date) -> Mark:
    return Mark(subject=subject, first=first, last=last)


Open = Callable[[], SegmentStore]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    found = SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")
    yield found
    found.close()


@pytest.fixture
def store(tmp_path: Path, records: SqlRecords) -> Iterator[SegmentStore]:
    found = SegmentStore(tmp_path / "events", records)
    yield found
    found.close()
