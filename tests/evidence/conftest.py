"""A store with a ledger, signed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.signing import FileSigner, make_key
from store.records import SqlRecords
from store.segments import SegmentStore
from tests.evidence.tsa import Tsa
from tests.records import fresh_file


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    opened = SqlRecords(fresh_file(tmp_path / "records.db"))
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path, records: SqlRecords) -> Iterator[SegmentStore]:
    opened = SegmentStore(tmp_path / "events", records)
    yield opened
    opened.close()


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    make_key(tmp_path / "ledger.key")
    return FileSigner(tmp_path / "ledger.key")


@pytest.fixture
def tsa(tmp_path: Path) -> Tsa:
    return Tsa(tmp_path / "tsa")
