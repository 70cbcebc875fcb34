"""Stores to hold to their promises, and small events to put into them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.ports import EventStore
from store.elasticsearch import ElasticStore
from store.elasticsearch.connection import connect
from store.memory import MemoryStore
from store.records import SqlRecords
from store.segments import SegmentStore
from tests.cluster import address_of, fresh_database, fresh_namespace, fresh_shape
from tests.records import fresh_file


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.cluster)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where empty records lie."""
    if request.param == "sqlite":
        yield fresh_file(tmp_path / "records.db")
    else:
        with fresh_database(fresh_shape()) as made:
            yield made


@pytest.fixture
def records(address: str) -> Iterator[SqlRecords]:
    opened = SqlRecords(address)
    yield opened
    opened.close()


@pytest.fixture(params=["memory", "segments", pytest.param("elasticsearch", marks=pytest.mark.cluster)])
def store(request: pytest.FixtureRequest, tmp_path: Path, records: SqlRecords) -> Iterator[EventStore]:
    if request.param == "elasticsearch":
        with fresh_namespace() as namespace, closing(elastic_store(records, namespace)) as opened:
            yield opened
        return
    made = MemoryStore(records) if request.param == "memory" else SegmentStore(tmp_path / "events", records)
    yield made
    made.close()


def elastic_store(records: SqlRecords, namespace: str) -> ElasticStore:
    return ElasticStore(connect(address_of("elasticsearch")), records, namespace)


@pytest.fixture
def segments(tmp_path: Path, records: SqlRecords) -> Iterator[SegmentStore]:
    made = SegmentStore(tmp_path / "events", records)
    yield made
    made.close()
