"""What is laid aside is read and counted like what is stored, in memory or in files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import store.aside
from core.condition import Is
from core.ports import EventQuery
from store.aside import Aside
from store.memory import MemoryStore
from store.records import SqlRecords
from tests.store.storing import START, a_batch, an_event


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_answers_are_those_of_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(store.aside, "ROWS_IN_A_FILE", rows)
    batch = a_batch([an_event(number, data__records=number) for number in range(10)])
    stored = MemoryStore(SqlRecords(f"sqlite:///{tmp_path / 'records.db'}"))
    stored.append(batch, [])
    aside = Aside(tmp_path)
    for piece in batch.events.iter_slices(2):
        aside.add(piece)
    queries = [
        EventQuery(),
        EventQuery(start=START + timedelta(minutes=3), end=START + timedelta(minutes=7)),
        EventQuery(condition=Is("user.account", "login:a"), newest=True, limit=3),
        EventQuery(start=START - timedelta(days=2), end=START - timedelta(days=1)),
    ]
    for query in queries:
        assert aside.read(query).equals(stored.read(query))
        by = ["user.account", "day"]
        told = [one.totals(query, by, "Asia/Shanghai", ["data.records"], times=True) for one in (aside, stored)]
        assert told[0].equals(told[1])
