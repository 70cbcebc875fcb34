"""What every adapter of the event store promises."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.batch import Batch
from core.canonical import content_id
from core.errors import Refused
from core.ports import EventQuery, Mark
from store.manifest import Manifest
from store.records import SqlRecords
from store.segments import SegmentStore
from tests.store.conftest import NO_MARKS, START, bad, batch, events, fragment_batch, mark

DAY = date(2026, 3, 2)


def originals(store: SegmentStore, **query: object) -> list[str]:
    return store.read(EventQuery(**query))["event.original"].to_list()  # type: ignore[arg-type]


def test_a_batch_appended_twice_is_stored_once(store: SegmentStore) -> None:
    first = store.append(batch(["a", "b"]), NO_MARKS)
    again = store.append(batch(["a", "b"]), NO_MARKS)
    assert (first.stored, first.duplicate) == (2, 0)
    assert (again.stored, again.duplicate) == (0, 2)
    assert store.count() == 2


def test_an_event_whose_time_moved_is_still_the_same_event(store: SegmentStore) -> None:
    store.append(batch(["a"]), NO_MARKS)
    moved = store.append(batch(["a"], start=START + timedelta(days=40)), NO_MARKS)
    assert moved.duplicate == 1
    assert store.newest() == START


def test_an_id_that_stands_twice_in_a_batch_is_stored_once(store: SegmentStore) -> None:
    assert store.append(batch(["a", "a", "b"]), NO_MARKS).duplicate == 1


def test_events_come_back_in_order_of_time_then_id(store: SegmentStore) -> None:
    store.append(batch(["c", "d"], start=START + timedelta(hours=5)), NO_MARKS)
    store.append(batch(["a", "b"]), NO_MARKS)
    assert originals(store) == ["a", "b", "c", "d"]


def test_a_query_narrows_by_time_account_tag_and_id(store: SegmentStore) -> None:
    tagged = events(["x", "y"], account="mail:wang@example.com").with_columns(
        pl.Series("rule.matched", [["export"], ["delete", "export"]])
    )
    store.append(batch(["a", "b"]), NO_MARKS)
    store.append(Batch(source="m365_audit", file="b", read=2, events=tagged), NO_MARKS)
    assert originals(store, accounts=["mail:wang@example.com"]) == ["x", "y"]
    assert originals(store, tagged=["delete"]) == ["y"]
    assert originals(store, tagged=["export"], end=START + timedelta(minutes=1)) == ["x"]
    assert originals(store, ids=[content_id("b")]) == ["b"]
    assert originals(store, start=START + timedelta(minutes=1), limit=1) == ["b"]
    assert store.per_account(EventQuery(tagged=["export"])) == {"mail:wang@example.com": 2}


def test_an_empty_store_answers_with_empty_columns(store: SegmentStore) -> None:
    assert store.read(EventQuery(columns=["event.id", "data.records"])).columns == ["event.id", "data.records"]
    assert store.count() == 0
    assert store.newest() is None


def test_marks_and_accounts_become_visible_with_the_events(store: SegmentStore, records: SqlRecords) -> None:
    store.append(batch(["a"]), [mark("mail:li.na@example.com", DAY, DAY), mark("mail:other@example.com", DAY, DAY)])
    assert [m.subject for m in records.pending()] == ["mail:li.na@example.com"]
    assert set(records.accounts()) == {"mail:li.na@example.com"}


def test_nothing_known_marks_nothing(store: SegmentStore, records: SqlRecords) -> None:
    marks = [mark("mail:li.na@example.com", DAY, DAY)]
    store.append(batch(["a"]), marks)
    records.settle(records.pending(), [], [], [])
    store.append(batch(["a"]), marks)
    assert records.pending() == []


def test_an_account_that_gains_a_key_is_judged_whole_again(store: SegmentStore, records: SqlRecords) -> None:
    store.append(batch(["a"], account="login:corp\\li.na"), NO_MARKS)
    with_sid = events(["b"], account="login:corp\\li.na").with_columns(pl.lit("S-1-5-21-7").alias("user.id"))
    store.append(Batch(source="m365_audit", file="b", read=1, events=with_sid), NO_MARKS)
    assert records.accounts() == {"login:corp\\li.na": ["sid:s-1-5-21-7"]}
    assert ("login:corp\\li.na", date(9999, 12, 31)) in [(m.subject, m.last) for m in records.pending()]


def test_fragments_are_stored_once_and_found_by_key(store: SegmentStore) -> None:
    assert store.append(fragment_batch(["q1", "q2", "q1"]), NO_MARKS).stored == 3
    assert store.append(fragment_batch(["q1", "q2", "q1"]), NO_MARKS).duplicate == 3
    found = store.fragments("postfix", ["q1"], START - timedelta(days=1), START + timedelta(days=1))
    assert found["event.sequence"].to_list() == [0, 2]
    assert store.fragments("postfix", ["q1"], START + timedelta(days=1), START + timedelta(days=2)).height == 0
    (status,) = store.sources()
    assert (status.source, status.waiting) == ("postfix", 3)


def test_quarantine_keeps_the_bytes_until_released(store: SegmentStore) -> None:
    kept = store.append(bad(["\0cut", "other"]), NO_MARKS)
    assert (kept.quarantined, kept.stored) == (2, 0)
    assert store.append(bad(["\0cut"]), NO_MARKS).duplicate == 1
    assert [record.original for record in store.quarantined()] == [b"\0cut", b"other"]
    store.release([content_id("bad", "\0cut")])
    assert [record.original for record in store.quarantined("m365_audit")] == [b"other"]
    assert list(store.quarantined("postfix")) == []


def test_events_of_another_version_are_tagged_again_once(store: SegmentStore) -> None:
    store.append(batch(["a", "b"], rules_version="1"), NO_MARKS)

    def tag(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.lit(["new"], pl.List(pl.String)).alias("rule.matched"))

    assert store.retag("2", tag) == 2
    assert store.retag("2", tag) == 0
    assert originals(store, tagged=["new"]) == ["a", "b"]


def test_expiry_deletes_what_is_older_and_keeps_what_is_held(store: SegmentStore) -> None:
    store.append(batch(["a", "b", "c"]), NO_MARKS)
    store.append(batch(["x", "y"], account="mail:held@example.com"), NO_MARKS)
    assert store.expire(START + timedelta(hours=2), hold=["mail:held@example.com"]) == 2
    assert sorted(originals(store)) == ["c", "x", "y"]
    assert store.append(batch(["a"]), NO_MARKS).duplicate == 1, "what was deleted does not come back"


def test_what_was_ignored_is_counted_by_file_and_reason(store: SegmentStore) -> None:
    for _ in range(2):
        store.append(batch(["a"], ignored={"blank line": 2}, first=True), NO_MARKS)
        store.append(batch(["b"], ignored={"blank line": 3}, last=True), NO_MARKS)
    assert store.sources()[0].ignored == {"blank line": 5}


def test_a_missing_or_damaged_segment_is_named(store: SegmentStore, tmp_path: Path) -> None:
    store.append(batch(["a"]), NO_MARKS)
    store.append(batch(["b"]), NO_MARKS)
    assert store.problems() == []
    one, two = sorted((tmp_path / "events").glob("*.parquet"))
    one.unlink()
    two.write_bytes(b"PAR1 not at all")
    problems = store.problems()
    assert len(problems) == 2
    assert {one.name, two.name} == {problem.split()[1] for problem in problems}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=6), min_size=1, max_size=24))
def test_compaction_and_batch_sizes_never_change_an_answer(pieces: list[list[int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        records = SqlRecords(f"sqlite:///{folder}/records.db")
        store = SegmentStore(Path(folder) / "events", records)
        for piece in pieces:
            store.append(batch([str(number) for number in piece]), NO_MARKS)
        before = set(originals(store))
        store.compact()
        assert set(originals(store)) == before == {str(number) for piece in pieces for number in piece}
        assert store.count() == len(before)
        assert store.append(batch(sorted(before)), NO_MARKS).stored == 0
        store.close()
        records.close()


def test_small_segments_and_runs_are_merged(store: SegmentStore, tmp_path: Path) -> None:
    for number in range(20):
        store.append(batch([f"{number}"]), NO_MARKS)
    store.compact()
    assert len(list((tmp_path / "events").glob("*.parquet"))) < 8
    assert len(list((tmp_path / "events").glob("*.npy"))) < 8
    assert store.count() == 20


def test_one_process_writes_at_a_time(store: SegmentStore, records: SqlRecords, tmp_path: Path) -> None:
    store.append(batch(["a"]), NO_MARKS)
    other = SegmentStore(tmp_path / "events", records)
    with pytest.raises(Refused, match="another process is writing"):
        other.append(batch(["b"]), NO_MARKS)
    assert originals(other) == ["a"], "reading needs no lock"


def _write(folder: str, rounds: int) -> None:
    records = SqlRecords(f"sqlite:///{folder}/records.db")
    store = SegmentStore(Path(folder) / "events", records)
    for number in range(rounds):
        store.append(
            batch([f"{number}.{line}" for line in range(20)]),
            [Mark(subject="mail:li.na@example.com", first=DAY, last=DAY)],
        )
        if number % 5 == 4:
            store.compact()


def test_readers_see_whole_batches_while_one_writes_and_compacts(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_write, args=(str(tmp_path), 40))
    writer.start()
    records = SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")
    store = SegmentStore(tmp_path / "events", records)
    seen = 0
    while writer.is_alive():
        found = len(originals(store))
        assert found % 20 == 0
        assert found >= seen
        seen = found
    writer.join()
    assert writer.exitcode == 0
    assert len(originals(store)) == 800
    records.close()


def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    line = [sys.executable, "-c", f"from tests.store.test_event_store import _write; _write({str(tmp_path)!r}, 60)"]
    chance = random.Random(1)
    for _ in range(10):
        child = subprocess.Popen(line, env=os.environ | {"PYTHONPATH": "."})
        time.sleep(chance.uniform(0.5, 1.6))
        child.send_signal(signal.SIGKILL)
        child.wait()
    subprocess.run(line, check=True, env=os.environ | {"PYTHONPATH": "."})
    records = SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")
    store = SegmentStore(tmp_path / "events", records)
    wanted = sorted(f"{number}.{row}" for number in range(60) for row in range(20))
    assert sorted(originals(store)) == wanted
    assert store.problems() == []
    left = {file.name for file in (tmp_path / "events").iterdir()} - {"writer.lock"}
    assert left == Manifest(records).files(), "a killed writer's leftovers are cleared away"
    records.close()


def test_times_of_any_zone_ask_for_the_same_events(store: SegmentStore) -> None:
    store.append(batch(["a", "b"]), NO_MARKS)
    shanghai = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
    assert originals(store, start=shanghai) == originals(store, start=shanghai.astimezone(UTC)) == ["b"]
