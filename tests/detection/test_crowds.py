"""What several persons do together is found in bounded memory, and as if everything had been read at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from core.alert import OTHERS, PLACE, Alert
from core.batch import Batch
from core.directory import Directory
from core.person import Link, Person
from core.ports import EventQuery, Mark
from detection.bench import FIRST_DAY, LAST_DAY, Bench
from detection.judge import judge
from detection.tagging import Tagger
from store.memory import MemoryStore
from store.records import SqlRecords
from tests.detection.conftest import SURROUNDINGS, book, frame

BEGIN = datetime(2026, 1, 5, 2, tzinfo=UTC)
SENT = """
title: Sent
name: sent
logsource: {product: leaverwatch}
detection: {s: {event.action: send}, condition: s}
level: informational
"""
CREW = """
title: Crew
name: crew
behaviour: {type: crew, rules: [sent], each: 100, people: 3, at_most: 5, within: 7, unknown: 10}
level: high
"""
RULES = book(SENT, CREW)
Sent = tuple[str, str, int]
"""Who sent, to which place, on which day."""


class Counted(MemoryStore):
    """A store that notes how many events of anybody each read brought into memory."""

    def __init__(self, records: SqlRecords) -> None:
        super().__init__(records)
        self.heights: list[int] = []

    def read(self, query: EventQuery) -> pl.DataFrame:
        found = super().read(query)
        if query.accounts is None:
            self.heights.append(found.height)
        return found


@pytest.fixture
def store() -> Iterator[Counted]:
    records = SqlRecords("sqlite://")
    yield Counted(records)
    records.close()


def crews(store: Counted, sent: Sequence[Sent], of: str = "*") -> list[Alert]:
    """The alerts of judged persons."""
    rows: list[dict[str, Any]] = [
        {
            "@timestamp": BEGIN + timedelta(days=day, seconds=number),
            "user.account": f"mail:{who}",
            "event.action": "send",
            "email.to.address": place,
            "data.bytes": 100,
        }
        for number, (who, place, day) in enumerate(sent)
    ]
    events = Tagger(RULES, SURROUNDINGS).tag(frame(rows))
    store.append(Batch(source="mail", read=len(rows), events=events, rules_version="1"), [])
    names = sorted({who for who, _, _ in sent})
    links = [Link(account=f"mail:{name}", person=name) for name in names]
    persons = [Person(id=name, department="Sales") for name in names]
    accounts = {link.account: () for link in links}
    directory = Directory(persons, links, [], accounts, SURROUNDINGS.calendar)
    bench = Bench(store=store, directory=directory, book=RULES, surroundings=SURROUNDINGS)
    marks = [Mark(subject=of, first=FIRST_DAY, last=LAST_DAY)]
    found = [alert for judged in judge(marks, bench) for alert in judged.alerts]
    return sorted(found, key=lambda alert: (alert.day, alert.person))


def at_many_places() -> list[Sent]:
    """Three a place, at twelve places; some meet at two of them on one day."""
    return [(f"p{(place + member) % 9}", f"x@{place}.cn", place // 4) for place in range(12) for member in range(3)]


def test_places_are_read_some_at_a_time(store: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = crews(store, at_many_places())
    assert store.heights == [36]
    assert len({alert.facts[PLACE] for alert in whole}) > 4
    assert any(len(str(alert.facts[OTHERS]).split(", ")) > 2 for alert in whole), "of two places on one day"
    store.heights.clear()
    monkeypatch.setattr("detection.places.EVENTS_AT_ONCE", 7)
    assert crews(store, at_many_places()) == whole
    assert store.heights == [6] * 6


def test_places_are_asked_about_some_at_a_time(store: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = crews(store, at_many_places())
    monkeypatch.setattr("detection.crowds.VALUES_AT_ONCE", 5)
    assert crews(store, at_many_places()) == whole


def test_of_a_place_where_much_goes_some_days_are_read_at_a_time(
    store: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crew comes to be there every hundred days, and others write in between."""
    sent = [(f"p{member}", "x@busy.cn", day + member) for day in range(0, 600, 100) for member in range(3)]
    sent += [("p8", "x@busy.cn", day + hour) for day in range(40, 640, 100) for hour in range(20)]
    whole = crews(store, sent)
    assert [alert.day for alert in whole] == sorted([alert.day for alert in whole])
    assert len(whole) == 18
    store.heights.clear()
    monkeypatch.setattr("detection.places.EVENTS_AT_ONCE", 20)
    assert crews(store, sent) == whole
    reach = RULES.rules["crew"].reach
    most = max(sum(first <= day < first + 2 * reach for _, _, day in sent) for first in range(640))
    assert len(store.heights) > 6
    assert max(store.heights) <= most < len(sent) / 4


def test_where_nobody_else_was_nothing_is_read(store: Counted) -> None:
    assert crews(store, [(f"p{number}", f"x@{number // 2}.cn", 0) for number in range(40)]) == []
    assert store.heights == []
