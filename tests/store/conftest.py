"""Stores to hold to their promises, and small events to put into them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.ports import EventStore
from store.memory import MemoryStore
from store.records import SqlRecords
from store.segments import SegmentStore


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    opened = SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")
    yield opened
    opened.close()


@pytest.fixture(params=["memory", "segments"])
def store(request: pytest.FixtureRequest, tmp_path: Path, records: SqlRecords) -> Iterator[EventStore]:
    made = MemoryStore(records) if request.param == "memory" else SegmentStore(tmp_path / "events", records)
    yield made
    made.close()


@pytest.fixture
def segments(tmp_path: Path, records: SqlRecords) -> Iterator[SegmentStore]:
    made = SegmentStore(tmp_path / "events", records)
    yield made
    made.close()
