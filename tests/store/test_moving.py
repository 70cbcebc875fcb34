"""Moving an embedded store into another one: nothing is lost, nothing twice, and what differs is noticed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from storing import START, a_batch, a_line, an_alert, an_event, bad, batch_of, lines

from core.batch import Appended, Batch, Quarantined
from core.errors import Damaged, Refused
from core.person import Link, Person
from core.ports import EventQuery, EventStore, Mark
from store.memory import MemoryStore
from store.moving import MOVED, Mover, digest
from store.records import SqlRecords
from store.records.copying import copy_records
from store.records.tables import metadata
from store.segments import SegmentStore
from tests.cluster import fresh_namespace
from tests.store.conftest import elastic_store


@pytest.fixture
def old(tmp_path: Path) -> Iterator[SqlRecords]:
    with closing(SqlRecords(f"sqlite:///{tmp_path / 'old.db'}")) as opened:
        yield opened


@pytest.fixture
def origin(tmp_path: Path, old: SqlRecords) -> Iterator[SegmentStore]:
    """Events, lines of which one has become an event, one waits and one does not end any, and a bad record."""
    ended, waiting, begun = a_line(1, "A1"), a_line(2, "A2"), a_line(3, "A3", kind="from")
    with closing(SegmentStore(tmp_path / "old", old)) as store:
        store.append(batch_of(0, 1, rules_version="0"), [])
        store.append(replace(batch_of(5, 6), quarantined=[bad(9)], read=3), [])
        store.append(lines(ended, waiting, begun), [])
        store.append(a_batch([an_event(1, event__id=ended["event.id"])], source="postfix", read=0), [])
        yield store


@pytest.fixture(params=["memory", pytest.param("elasticsearch", marks=pytest.mark.cluster)])
def target(request: pytest.FixtureRequest, records: SqlRecords) -> Iterator[EventStore]:
    if request.param == "memory":
        yield MemoryStore(records)
        return
    with fresh_namespace() as namespace, closing(elastic_store(records, namespace)) as opened:
        yield opened


class Forgetful(MemoryStore):
    """Says it has taken everything, and has not."""

    def append(self, batch: Batch, marks: Sequence[Mark]) -> Appended:
        return super().append(replace(batch, events=batch.events[1:]), marks)


class Careless(MemoryStore):
    """Writes something else than it was given."""

    def append(self, batch: Batch, marks: Sequence[Mark]) -> Appended:
        return super().append(replace(batch, events=batch.events.with_columns(pl.lit("x").alias("user.name"))), marks)


def test_a_moved_store_answers_as_before(origin: SegmentStore, target: EventStore, records: SqlRecords) -> None:
    moved = list(Mover(origin, target, records).move())
    assert sum(one.rows for one in moved) == 9
    assert target.read(EventQuery()).equals(origin.read(EventQuery()))
    asked = ("postfix", ["A1", "A2", "A3"], START, START + timedelta(hours=1))
    assert target.fragments(*asked).equals(origin.fragments(*asked))
    assert list(target.quarantined()) == list(origin.quarantined())
    told = [(s.source, s.events, s.quarantined, s.waiting, s.last_event) for s in origin.sources()]
    assert [(s.source, s.events, s.quarantined, s.waiting, s.last_event) for s in target.sources()] == told
    assert target.retag("1", lambda events: events) == 2, "who was tagged by which rules is known"


def test_moving_goes_on_where_it_was_cut_short(origin: SegmentStore, target: EventStore, records: SqlRecords) -> None:
    next(Mover(origin, target, records).move())
    first = list(Mover(origin, target, records).move())
    assert list(Mover(origin, target, records).move()) == first
    assert target.count() == origin.count()


@pytest.mark.parametrize(("at_once", "times"), [(500_000, 2), (2, 3)])
def test_a_quarantine_is_read_back_once_for_many_segments_of_a_source(
    origin: SegmentStore, records: SqlRecords, monkeypatch: pytest.MonkeyPatch, at_once: int, times: int
) -> None:
    asked: list[str | None] = []

    class Counted(MemoryStore):
        def quarantined(self, source: str | None = None) -> Iterator[Quarantined]:
            asked.append(source)
            return super().quarantined(source)

    for number in (20, 21):
        origin.append(replace(batch_of(), quarantined=[bad(number)], read=1), [])
    origin.append(replace(batch_of(source="other"), quarantined=[bad(22, "other")], read=1), [])
    monkeypatch.setattr("store.moving.BAD_AT_ONCE", at_once)
    target = Counted(records)
    moved = list(Mover(origin, target, records).move())
    assert len(asked) == times
    assert sum(one.rows for one in moved if one.kind == "quarantine") == 4
    there, here = ({one.id: one for one in store.quarantined()} for store in (target, origin))
    assert there == here
    again = list(Mover(origin, target, records).move())
    assert sorted(one.digest for one in again) == sorted(one.digest for one in moved)


def test_a_bad_record_that_is_lost_or_changed_on_the_way_is_noticed(origin: SegmentStore, records: SqlRecords) -> None:
    class Lost(MemoryStore):
        def quarantined(self, source: str | None = None) -> Iterator[Quarantined]:
            yield from ()

    class Changed(MemoryStore):
        def quarantined(self, source: str | None = None) -> Iterator[Quarantined]:
            return (replace(one, reason="another") for one in super().quarantined(source))

    with pytest.raises(Damaged, match="are not there"):
        list(Mover(origin, Lost(records), records).move())
    with pytest.raises(Damaged, match="other than they were given"):
        list(Mover(origin, Changed(records), records).move())


def test_a_digest_knows_rows_and_not_their_order_or_pieces() -> None:
    rows = batch_of(0, 1, 2).events
    assert digest(rows) == digest(rows.reverse()) == digest(rows[:1]) + digest(rows[1:])
    assert digest(rows) != digest(rows.with_columns(pl.lit(1).alias("file.size")))
    assert digest(rows) != digest(pl.concat([rows, rows[:1]]))


@pytest.mark.parametrize(("broken", "told"), [(Forgetful, "are not there"), (Careless, "other than they were given")])
def test_what_is_lost_or_changed_on_the_way_is_noticed(
    origin: SegmentStore, records: SqlRecords, broken: type[MemoryStore], told: str
) -> None:
    with pytest.raises(Damaged, match=told):
        list(Mover(origin, broken(records), records).move())


@pytest.mark.cluster
def test_what_the_new_place_refuses_lies_in_its_quarantine_and_is_counted(tmp_path: Path, old: SqlRecords) -> None:
    """An id of more than 512 bytes is none for Elasticsearch."""
    with closing(SegmentStore(tmp_path / "odd", old)) as origin, fresh_namespace() as namespace:
        origin.append(a_batch([an_event(0), an_event(1, event__dataset="x" * 400)]), [])
        with closing(elastic_store(old, namespace)) as target:
            moved = list(Mover(origin, target, old).move())
            assert sum(one.refused for one in moved) + target.count() == 2


def test_records_are_copied_once_and_only_into_an_empty_database(old: SqlRecords, records: SqlRecords) -> None:
    old.save_persons([Person(id="e1", name="李娜", email="li.na@x")], [Link(account="login:a", person="e1")])
    old.settle((), (), [an_alert("e1", 2)], ())
    old.set_setting("rules_version", "7")
    before = [table for table in metadata.sorted_tables if table.name not in ("segments", "id_runs")]

    def everything(of: SqlRecords) -> dict[str, list[object]]:
        with of.database.reading() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
                for table in before
            }

    assert copy_records(old.database, records.database, MOVED) > 3
    assert everything(records) | {"settings": None} == everything(old) | {"settings": None}
    assert (records.setting("rules_version"), records.setting(MOVED)) == ("7", "{}")
    records.save_persons([Person(id="e2", name="王伟", email="w@x")], [Link(account="login:b", person="e2")])
    assert copy_records(old.database, records.database, MOVED) == 0, "goes on with what people did since"
    assert len(records.persons()) == 2
    with pytest.raises(Refused, match="not empty"):
        copy_records(old.database, records.database, "another move")


def test_the_ledger_goes_along_and_nothing_is_appended_again(
    origin: SegmentStore, target: EventStore, old: SqlRecords, records: SqlRecords
) -> None:
    ids = origin.read(EventQuery())["event.id"].to_list()
    copy_records(old.database, records.database, MOVED)
    list(Mover(origin, target, records).move())
    assert (records.size(), records.root(5), records.log()) == (5, old.root(5), old.log())
    assert records.placed(ids) == old.placed(ids)
    target.append(batch_of(77), [])
    assert records.size() == 6
