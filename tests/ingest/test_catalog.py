"""Every source folder keeps its word; batches, replay and hooks behave as the docs say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import samples
from polars.testing import assert_frame_equal
from small_sources import FORMATS, HEAD, RECORDS, accounted, read, source

import ingest.catalog
from core.actions import ACTIONS
from core.batch import FRAGMENT, Quarantined
from core.errors import Refused, Unreadable
from core.schema import SCHEMA
from ingest.catalog import compile_source, sources

CATALOG = sources()
LINE = b'{"time":"2026-03-02T10:00:00Z","user":"li.na","rows":1}'


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_a_source_gives_what_its_folder_expects(name):
    assert samples.samples(name), "a source has a sample"
    assert json.loads(json.dumps(samples.outcome(CATALOG[name]))) == samples.expected(name)


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_a_source_recognises_its_samples_and_no_other_sources(name):
    for path in samples.samples(name):
        assert CATALOG[name].recognises(path)
        others = [other.name for other in CATALOG.values() if other.name != name and other.recognises(path)]
        assert not others, f"{path.name} is also taken by {others}"


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_the_size_of_a_batch_does_not_show(name):
    for path in samples.samples(name):
        whole = list(CATALOG[name].batches(path))
        small = list(CATALOG[name].batches(path, batch_bytes=700))
        for part in ("events", "fragments"):
            one = pl.concat([getattr(batch, part) for batch in whole])
            other = pl.concat([getattr(batch, part) for batch in small])
            assert one.equals(other, null_equal=True)


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_a_source_says_where_its_format_is_from(name):
    reader = CATALOG[name]
    assert reader.certainty in "ABC"
    assert reader.reference
    assert reader.folder
    assert reader.title


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_events_have_the_columns_of_the_schema(name):
    for path in samples.samples(name):
        for batch in CATALOG[name].batches(path):
            assert dict(batch.events.schema) == SCHEMA
            assert dict(batch.fragments.schema) == FRAGMENT
            assert set(batch.events["event.action"]) <= ACTIONS
            assert batch.events["@timestamp"].null_count() == 0
            assert batch.events["event.id"].n_unique() == batch.events.height


def test_first_and_last_mark_the_ends_of_a_file(write):
    batches = read(source("json"), write(b"\n".join([LINE] * 9)), batch_bytes=100)
    assert [batch.files[0].first for batch in batches] == [True] + [False] * (len(batches) - 1)
    assert [batch.files[-1].last for batch in batches] == [False] * (len(batches) - 1) + [True]
    assert [number for batch in batches for number in batch.events["event.sequence"]] == list(range(9))


def test_an_empty_file_is_one_empty_batch(write):
    [batch] = read(source("json"), write(b""))
    [file] = batch.files
    assert (batch.read, file.read, file.first, file.last) == (0, 0, True, True)


def test_two_equal_lines_are_two_events_and_the_same_file_gives_the_same(write):
    reader = source("json")
    once = read(reader, write(b"\n".join([LINE, LINE]), "a.json"))[0].events
    again = read(reader, write(b"\n".join([LINE, LINE, LINE]), "b.json"))[0].events
    assert once["event.id"].n_unique() == 2
    assert again["event.id"].to_list()[:2] == once["event.id"].to_list()
    assert set(again["log.file.path"]) == {"b.json"}


def test_what_was_read_before_a_refusal_is_kept(tmp_path: Path):
    import gzip

    path = tmp_path / "cut.json.gz"
    whole = gzip.compress(b"\n".join(b'{"time":"2026-03-02T10:00:00Z","rows":%d}' % row for row in range(90_000)))
    path.write_bytes(whole[: len(whole) // 2])
    kept = []
    with pytest.raises(Refused, match=r"cut\.json\.gz is a damaged archive"):
        kept.extend(source("json").batches(path, batch_bytes=50_000))
    assert sum(batch.events.height for batch in kept) > 1000
    assert not any(batch.quarantined for batch in kept)
    assert not any(file.last for batch in kept for file in batch.files)


def test_replay_gives_events_under_their_old_ids(write):
    narrow, wide = source("json", RECORDS.replace("iso, syslog", "syslog")), source("json")
    [batch] = read(narrow, write(LINE + b"\n{broken"))
    assert not batch.events.height
    dated, broken = batch.quarantined
    events = wide.parse_record(dated)
    assert events["event.id"].to_list() == [dated.id]
    assert events["event.original"].to_list() == [LINE.decode()]
    assert broken.original == b"{broken"
    with pytest.raises(Unreadable, match="is not valid JSON"):
        wide.parse_record(broken)


def test_a_csv_row_without_its_header_cannot_be_replayed():
    record = Quarantined(id="1", source="t", file="f", sequence=1, reason="", original=b"a,b")
    with pytest.raises(Unreadable):
        source("csv").parse_record(record)
    with pytest.raises(Unreadable, match="has no column"):
        source("csv").parse_record(replace(record, context="x,y"))


def _with_neighbours(frame: pl.DataFrame, records: int) -> pl.DataFrame:
    """A source's hook for the test: the users within `records` of each record."""
    columns = [pl.col("user").shift(step) for step in range(-records, records + 1)]
    return frame.with_columns(pl.concat_str(columns, separator="", ignore_nulls=True).alias("user"))


@pytest.mark.parametrize("batch_bytes", [1, 60, 200, 2**20])
def test_a_source_may_look_around_whatever_the_batches(batch_bytes, write, monkeypatch):
    monkeypatch.setattr(ingest.catalog, "ENRICH", {"neighbours": _with_neighbours})
    reader = compile_source(
        "test", f"{HEAD}formats:\n  - {FORMATS['json']}\n{RECORDS}\nenrich: neighbours\ncontext: 2\n"
    )
    lines = [b'{"time":"2026-03-02T10:00:00Z","user":"%d"}' % number for number in range(8)]
    batches = read(reader, write(b"\n".join([*lines[:4], b"{bad", *lines[4:]])), batch_bytes=batch_bytes)
    names = [name for batch in batches for name in batch.events["user.account"]]
    assert names == [f"mail:{around}" for around in ("210", "3210", "3210", "4321", "6543", "7654", "7654", "765")]


def _pairs(fragments: pl.DataFrame) -> pl.DataFrame:
    """A source's hook for the test: an event for each key that has both kinds."""
    both = fragments.group_by("key", maintain_order=True).agg(pl.all().last(), kinds=pl.col("kind").n_unique())
    return both.filter(pl.col("kinds") == 2).select("event.id", "@timestamp", pl.lit("send").alias("event.action"))


def test_events_that_span_lines_are_built_from_fragments(write, monkeypatch):
    monkeypatch.setattr(ingest.catalog, "JOINS", {"pairs": _pairs})
    records = """
fields: {"@timestamp": {from: time, time: iso}}
records:
  - name: part
    when: {id: {present: true}}
    fields: {fragment.key: {from: id}, fragment.kind: {from: kind}, data.records: {from: rows}}
  - {name: whole, fields: {event.action: other}}
join: pairs
"""
    reader = source("json", records)
    assert reader.joins
    lines: Sequence[dict[str, object]] = [
        {"id": "A", "kind": "from", "rows": 3},
        {"id": "B", "kind": "from"},
        {},
        {"id": "A", "kind": "to"},
    ]
    data = "\n".join(json.dumps({"time": "2026-03-02T10:00:00Z", **line}) for line in lines)
    [batch] = read(reader, write(data.encode()))
    assert batch.fragments["key"].to_list() == ["A", "B", "A"]
    assert json.loads(batch.fragments["fields"][0]) == {"data.records": 3}
    assert batch.events.height == 1
    joined = reader.assemble(batch.fragments)
    assert dict(joined.schema) == SCHEMA
    assert joined["event.id"].to_list() == [batch.fragments["event.id"][2]]
    assert joined["event.module"].to_list() == ["test"]


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_files_read_together_give_what_each_gives_alone(name, tmp_path):
    reader, paths = CATALOG[name], samples.samples(name)
    (tmp_path / "empty").touch()
    (tmp_path / "damaged.gz").write_bytes(b"\x1f\x8bdamaged")
    refused = []
    together = list(
        reader.read([*paths, tmp_path / "empty", *paths, tmp_path / "damaged.gz"], lambda *it: refused.append(it))
    )
    accounted(together)
    alone = [batch for path in (*paths, *paths) for batch in reader.batches(path)]
    assert len(together) < len(alone)
    for made in ("events", "fragments"):
        one, other = (pl.concat(getattr(batch, made) for batch in batches) for batches in (together, alone))
        assert_frame_equal(one, other, check_row_order=False)
    files = [file for batch in together for file in batch.files]
    names = [path.name for path in paths]
    assert [file.file for file in files if file.last] == [*names, "empty", *names]
    reads = [batch.read for batch in alone]
    assert [file.read for file in files] == [*reads[: len(paths)], 0, *reads[len(paths) :]]
    assert [path.name for path, _ in refused] == ["damaged.gz"]
