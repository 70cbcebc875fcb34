"""Stores to hold to their promises, and small events to put into them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.ports import EventStore
from store.memory import MemoryStore
from store.records import SqlRecords
from store.segments import SegmentStore
from tests.cluster import fresh_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.cluster)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where records lie."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'records.db'}"
    else:
        with fresh_database() as made:
            yield made


@pytest.fixture
def records(address: str) -> Iterator[SqlRecords]:
    opened = SqlRecords(address)
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
