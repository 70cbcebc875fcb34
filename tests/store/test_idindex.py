"""The index of ids is exact, whatever the ids and however its runs were merged; merges fit into memory."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import idindex
from store.compaction import BUDGET, FAN_OUT, FULL, worth_merging
from store.folder import Folder
from store.idindex import IdIndex, Ids, ids_of, known, ordered
from store.manifest import Manifest, Run, Segment
from store.records import SqlRecords

# Few different halves, so that many ids share one: what 128 random bits never show.
HALVES = st.sampled_from([0, 1, 2**63, 2**64 - 1])
IDS = st.lists(st.tuples(HALVES, HALVES), max_size=30)
Pairs = list[tuple[int, int]]


def as_ids(pairs: Pairs) -> Ids:
    return np.array(pairs, np.uint64).reshape(-1, 2)


@given(runs=st.lists(IDS, max_size=5), asked=IDS)
def test_an_id_is_known_exactly_when_a_run_holds_it(runs: list[Pairs], asked: Pairs) -> None:
    stored = {pair for run in runs for pair in run}
    found = known(as_ids(asked), [ordered(as_ids(run)) for run in runs])
    assert found.tolist() == [pair in stored for pair in asked]


@given(runs=st.lists(IDS, min_size=1, max_size=5))
def test_a_merge_a_slice_at_a_time_keeps_every_id_in_order(runs: list[Pairs]) -> None:
    kept, idindex.SLICE = idindex.SLICE, 4
    try:
        out = io.BytesIO()
        idindex._write_merged(out, [ordered(as_ids(run)) for run in runs])
    finally:
        idindex.SLICE = kept
    out.seek(0)
    merged = np.load(out)
    assert np.all(merged[:-1, 0] <= merged[1:, 0])
    assert sorted(map(tuple, merged.tolist())) == sorted(pair for run in runs for pair in run)


def test_ids_of_hex_digits_keep_their_order() -> None:
    assert ids_of(["00000000000000010000000000000002", "f" * 32]).tolist() == [[1, 2], [2**64 - 1, 2**64 - 1]]
    assert ids_of([]).shape == (0, 2)


def test_runs_stay_few_and_ids_known_and_forgotten_ones_are_new(
    tmp_path: Path, records: SqlRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idindex, "SMALLEST", 16)
    monkeypatch.setattr(idindex, "SLICE", 100)
    manifest = Manifest(records)
    index = IdIndex(Folder(tmp_path / "ids"), manifest)
    dice = random.Random(5)
    every = as_ids([(dice.getrandbits(64), dice.getrandbits(64)) for _ in range(2_000)])
    for start in range(0, len(every), 20):
        manifest.replace((), runs=index.seal("event", every[start : start + 20]))
        index.tidy("event")
    assert len(manifest.runs("event")) < 3 * idindex.FAN_OUT
    assert index.known("event", every).all()
    assert not index.known("event", every + np.uint64(1)).any()
    assert not index.known("fragment", every).any(), "each kind has ids of its own"
    gone, left = index.without("event", every[:30])
    manifest.replace(gone, runs=left)
    assert index.known("event", every).tolist() == [False] * 30 + [True] * 1_970


SEGMENTS = st.lists(
    st.tuples(
        st.sampled_from(["crm", "files"]), st.sampled_from(["1", "2"]), st.integers(1, 5), st.integers(1, 2 * FULL)
    ),
    max_size=60,
)


@given(plan=SEGMENTS)
def test_merging_ends_and_never_holds_more_than_its_budget(plan: list[tuple[str, str, int, int]]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    held = [
        Segment(
            file=f"{number}",
            kind="event",
            source=source,
            rows=1,
            bytes=size,
            first=start + timedelta(days=number),
            last=start + timedelta(days=number + months),
            rules_version=version,
        )
        for number, (source, version, months, size) in enumerate(plan)
    ]
    total = sum(segment.bytes for segment in held)
    while group := worth_merging(held):
        assert len(group) > 1
        assert sum(segment.bytes for segment in group) <= BUDGET
        assert len({(segment.source, segment.rules_version) for segment in group}) == 1
        held = [segment for segment in held if segment not in group]
        held.append(
            Segment(
                file=group[0].file,
                kind="event",
                source=group[0].source,
                rows=1,
                bytes=sum(segment.bytes for segment in group),
                first=group[0].first,
                last=group[0].first,
                rules_version=group[0].rules_version,
            )
        )
    assert sum(segment.bytes for segment in held) == total
    assert len([segment for segment in held if segment.bytes < FULL]) <= 4 * 5 * FAN_OUT * 2


def test_a_run_says_how_many_ids_it_has(tmp_path: Path, records: SqlRecords) -> None:
    index = IdIndex(Folder(tmp_path / "ids"), Manifest(records))
    (run,) = index.seal("event", as_ids([(1, 2), (3, 4)]))
    assert run == Run(file=run.file, kind="event", rows=2)
    assert index.seal("event", as_ids([])) == []
