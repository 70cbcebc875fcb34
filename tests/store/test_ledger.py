"""Everything stored is in the ledger, once, and whatever is proved from it is what the tree of all leaves gives."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import polars as pl
import pytest

from core.leaf import LEFT_OUT, contents
from core.merkle import consistency, cover, grew, leaf_hash, root, root_from
from core.ports import EventQuery, EventStore
from core.proof import canonical, leaf_of
from store.records import SqlRecords
from store.segments import SegmentStore
from tests.store.storing import a_batch, an_event, batch_of, frame

GOLDEN = (
    '{"@timestamp":"2026-03-02T09:07:00.000001Z","data.bytes":-1,"data.records":9223372036854775807,'
    '"email.subject":"引号\\" 反\\\\斜 /\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\u2028é😀","event.action":"export",'
    '"event.id":"5c3b1c1f52da6f07a4a3d2ed1e4b0a4a","event.original":"","event.sequence":7,"source.ip":"2001:db8::1",'
    '"user.account":"login:b","user.name":"\\"x\\":null","vendor":"{\\"a\\":null}"}'
)
ODD = {
    "@timestamp": datetime(2026, 3, 2, 9, 7, 0, 1, tzinfo=UTC),
    "event__id": "5c3b1c1f52da6f07a4a3d2ed1e4b0a4a",
    "event__original": "",
    "email__subject": '引号" 反\\斜 /\b\f\n\r\t\0\x1f\x7f\u2028é😀',
    "source__ip": "2001:db8::1",
    "data__records": 2**63 - 1,
    "data__bytes": -1,
    "user__name": '"x":null',
    "vendor": '{"a":null}',
    "rule__matched": ["mass_export"],
}


def test_the_bytes_of_an_event_are_these_for_ever() -> None:
    among = frame([an_event(1), an_event(7, **ODD), an_event(9, file__name="a")])
    assert contents(among)[1].encode() == GOLDEN.encode()


def test_the_bytes_are_the_canonical_json_of_what_is_not_null() -> None:
    draw = random.Random(7)
    events = [
        an_event(
            number, **{name: draw.choice([None, "ü", '"', "\x1b"]) for name in ("user__id", "url__full", "device__id")}
        )
        for number in range(60)
    ]
    made = frame(events)
    for row, content in zip(made.iter_rows(named=True), contents(made), strict=True):
        kept = {name: value for name, value in row.items() if value is not None and name not in LEFT_OUT}
        kept["@timestamp"] = f"{kept['@timestamp']:%Y-%m-%dT%H:%M:%S.%fZ}"
        assert content.encode() == canonical(kept)


def test_what_is_read_back_has_the_bytes_it_was_stored_with(store: EventStore, records: SqlRecords) -> None:
    events = [an_event(1), an_event(7, **ODD), an_event(9, source__ip="10.0.0.1", vendor='{"b": 1.50, "a": "\\u00e9"}')]
    store.append(a_batch(events), ())
    read = store.read(EventQuery())
    placed = records.placed(read["event.id"].to_list())
    assert len(placed) == records.size() == 3
    for event_id, content in zip(read["event.id"], contents(read), strict=True):
        at = placed[event_id]
        assert records.node((at.index, at.index + 1)) == leaf_hash(leaf_of(content.encode(), at.salt))


def test_known_events_and_other_tags_add_no_leaf(store: EventStore, records: SqlRecords) -> None:
    store.append(batch_of(1, 2), ())
    before = records.root(records.size())
    store.append(batch_of(1, 2), ())
    store.catch_up()
    store.retag("2", lambda events: events.with_columns(pl.lit(["other"]).alias("rule.matched")))
    store.compact()
    assert records.size() == 2
    assert records.root(2) == before
    store.append(batch_of(2, 3), ())
    assert records.size() == 3


@pytest.mark.parametrize("steps", [[1, 1, 1], [255, 1, 1], [256, 256], [700, 3, 66_000], [5, 260, 1, 300]])
def test_nodes_are_those_of_the_whole_tree(records: SqlRecords, steps: list[int]) -> None:
    hashes: list[bytes] = []
    for step in steps:
        ids = [f"{number:032x}" for number in range(len(hashes), len(hashes) + step)]
        records.append_leaves("event", ids, [one.encode() for one in ids])
        placed = records.placed(ids)
        hashes += [leaf_hash(leaf_of(one.encode(), placed[one].salt)) for one in ids]
        assert records.root(records.size()) == root(hashes)
    size, old = len(hashes), steps[0]
    shown = sorted(random.Random(size).sample(range(size), min(3, size)))
    nodes = {node: records.node(node) for node in cover(size, shown)}
    assert root_from(size, {index: hashes[index] for index in shown}, nodes) == root(hashes)
    proof = [records.node(node) for node in consistency(old, size)]
    assert grew(old, root(hashes[:old]), size, root(hashes), proof)


def test_a_snapshot_is_found_by_its_id_among_events(segments: SegmentStore, records: SqlRecords) -> None:
    segments.append(batch_of(*range(5)), ())
    records.append_leaves("snapshot", ["ab" * 32], [b'{"alert":"a","snapshot":"b"}'])
    segments.append(batch_of(*range(5, 9)), ())
    assert records.placed(["ab" * 32])["ab" * 32].index == 5
    assert records.placed(["cd" * 32]) == {}
    assert records.size() == 10
