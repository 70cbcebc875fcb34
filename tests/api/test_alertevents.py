"""The events of an alert are found wherever they lie, and no more is read than has to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from api.alertevents import AT_ONCE, events_of
from core.alert import Alert, Fact, Severity
from core.batch import Batch
from core.calendar import CompanyCalendar
from core.canonical import content_id
from core.evidence import Evidence
from core.leaf import contents
from core.ports import EventQuery
from core.schema import SCHEMA
from store.memory import MemoryStore
from store.records import SqlRecords
from tests.api.shops import BOOK, MOMENT, exported
from tests.records import fresh_file

DAY = date(2026, 3, 2)


class Asked(MemoryStore):
    """Remembers what it was asked for."""

    asked: list[EventQuery]

    def read(self, query: EventQuery) -> pl.DataFrame:
        self.asked.append(query)
        return super().read(query)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Asked]:
    records = SqlRecords(fresh_file(tmp_path / "records.db"))
    made = Asked(records)
    made.asked = []
    made.records = records  # type: ignore[attr-defined]
    yield made
    records.close()


def stored(store: Asked, back: Sequence[int], *, frozen: bool) -> Alert:
    """An alert of an event on each of these days before its own, and one event that is none of its."""
    frames = [
        exported().with_columns(
            pl.lit(content_id("event", str(days))).alias("event.id"),
            (pl.col("@timestamp") - timedelta(days=days)).alias("@timestamp"),
        )
        for days in back
    ]
    events = pl.concat([*frames, exported()])
    store.append(Batch(source="crm", read=events.height, events=events), [])
    ids = [content_id("event", str(days)) for days in back]
    if frozen:
        own = events.filter(pl.col("event.id").is_in(ids))
        told = dict(zip(own["event.id"], contents(own).cast(pl.Binary), strict=True))
        store.records.freeze(Evidence(snapshots=(), events=told, texts=()), ())  # type: ignore[attr-defined]
    return Alert(
        id="a",
        rule="mass_export",
        person="7",
        day=DAY,
        time=MOMENT,
        severity=Severity.HIGH,
        score=40.0,
        terms=(),
        facts={},
        events=ids,
        stage="active",
    )


def found(store: Asked, alert: Alert) -> list[object]:
    frame = events_of(alert, store, store.records, CompanyCalendar(), BOOK, tuple(SCHEMA))  # type: ignore[attr-defined]
    rows = frame.rows(named=True)
    times = [row["@timestamp"] for row in rows]
    assert times == sorted(times, key=str)
    assert all(row["event.original"] for row in rows)
    return [row["event.id"] for row in rows]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("back", [[0], [0, 3], [0, 20, 90], [BOOK.reach], range(AT_ONCE + 3)])
def test_they_are_found_wherever_they_lie(store: Asked, back: Sequence[int], frozen: bool) -> None:
    alert = stored(store, back, frozen=frozen)
    assert found(store, alert) == [content_id("event", str(days)) for days in sorted(back, reverse=True)]


def test_looking_stops_where_all_are_found(store: Asked) -> None:
    alert = stored(store, [0, 3], frozen=False)
    found(store, alert)
    looked = store.asked
    assert min(query.start for query in looked if query.start) == CompanyCalendar().start_of(DAY - timedelta(days=7))
    assert [query.end for query in looked[1:]] == [query.start for query in looked[:-1]], "no day is read twice"


def test_those_that_are_not_frozen_are_looked_for_first_where_the_alert_says(store: Asked) -> None:
    alert = stored(store, [0, 3], frozen=False)
    first, last = MOMENT - timedelta(days=3), MOMENT
    told = replace(alert, facts={"first": first.isoformat(), "last": last.isoformat()})
    assert found(store, told) == found(store, alert)
    assert [(query.start, query.end) for query in store.asked[:1]] == [(first, last + timedelta(seconds=1))]
    assert len(store.asked) == 1 + 2, "all were there"


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-03-02T00:00:00+00:00", "2026-03-02T00:00:00+00:00"),
        ("", "9999-12-31T23:59:59+00:00"),
        ("x", "y"),
        (1, 2),
    ],
)
def test_wherever_the_alert_says_that_they_lie_they_are_found(store: Asked, first: Fact, last: Fact) -> None:
    alert = stored(store, [0, 3], frozen=False)
    assert found(store, replace(alert, facts={"first": first, "last": last})) == found(store, alert)


def test_of_frozen_ones_only_the_moments_are_read(store: Asked) -> None:
    alert = stored(store, [0, 20, 90], frozen=True)
    found(store, alert)
    assert [_length(query) for query in store.asked] == [timedelta(microseconds=1)] * 3


def test_what_is_stored_no_more_is_left_out(store: Asked) -> None:
    alert = stored(store, [0, 3], frozen=False)
    gone = replace(alert, events=[*alert.events, "f" * 32])
    assert found(store, gone) == found(store, alert)


def _length(query: EventQuery) -> timedelta:
    assert isinstance(query.start, datetime)
    assert isinstance(query.end, datetime)
    return query.end - query.start
