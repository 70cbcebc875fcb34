"""Peers' usual is the same window's value of people in the same post, or nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from core.alert import Fact
from core.batch import Batch
from core.directory import Directory
from core.person import Link, Person
from core.ports import Mark
from detection.bench import Bench
from detection.judge import judge
from detection.peers import peers_usual
from detection.rulebook import RuleBook
from detection.tagging import Tagger
from store.memory import MemoryStore
from store.records import SqlRecords
from tests.detection.conftest import EXPORT, SURROUNDINGS, at, book, frame, window

SUM = window("mass", "value_sum", "{field: data.records, gte: 1000}")
PEOPLE = [("li", "Manager"), ("a", "Manager"), ("b", "Manager"), ("c", "Manager"), ("d", "Analyst")]


def usual(
    tmp_path: Any, rules: RuleBook, rows: Sequence[dict[str, Any]], people: Sequence[tuple[str, str]] = PEOPLE
) -> list[tuple[str, int, Fact | None]]:
    """Person, day and peers' usual of every alert."""
    persons = [Person(id=name, department="Sales", title=title) for name, title in people]
    links = [Link(account=f"mail:{name}", person=name) for name, _ in people]
    events = Tagger(rules, SURROUNDINGS).tag(frame(rows))
    records = SqlRecords(f"sqlite:///{tmp_path / 'r.db'}")
    store = MemoryStore(records)
    store.append(Batch(source="crm", read=len(rows), events=events, rules_version="1"), [])
    directory = Directory(persons, links, [], {f"mail:{name}": () for name, _ in people}, SURROUNDINGS.calendar)
    marks = [Mark(subject="*", first=date(2026, 1, 1), last=date(2026, 12, 31))]
    marks = [Mark(subject=f"mail:{name}", first=marks[0].first, last=marks[0].last) for name, _ in people]
    judged = judge(marks, Bench(store=store, directory=directory, book=rules, surroundings=SURROUNDINGS))
    alerts = sorted((a for one in judged for a in one.alerts), key=lambda a: (a.person, a.day))
    found = peers_usual(alerts, store, directory, rules)
    records.close()
    return [(alert.person, alert.day.day, found.get(alert.id)) for alert in alerts]


def did(who: str, time: str, records: int, **more: Any) -> dict[str, Any]:
    return {"user.account": f"mail:{who}", "@timestamp": at(time), "data.records": records} | more


def test_it_is_the_median_of_the_same_day_where_nothing_done_is_nothing(tmp_path: Any) -> None:
    rows = [did("li", "02T10:00", 5000), did("a", "02T10:00", 300), did("a", "02T11:00", 400), did("b", "02T09:00", 90)]
    rows += [did("b", "03T09:00", 999), did("d", "02T10:00", 800)]
    assert usual(tmp_path, book(EXPORT, SUM), rows) == [("li", 2, 90)], "another day and another title do not count"


def test_a_window_of_some_days_is_compared_with_the_same_days(tmp_path: Any) -> None:
    week = book(EXPORT, SUM.replace("1d", "7d"))
    rows = [did("li", "09T10:00", 5000)]
    rows += [did(who, f"{day:02}T10:00", 100) for who in "abc" for day in (1, 2, 3, 9)]
    assert usual(tmp_path, week, rows) == [("li", 9, 200)]


def test_distinct_values_are_counted_once(tmp_path: Any) -> None:
    rules = book(EXPORT, window("many", "value_count", "{field: file.path, gte: 4}").replace("1d", "2d"))
    rows = [did("li", f"02T10:0{n}", 1, **{"file.path": f"f{n}"}) for n in range(4)]
    rows += [did(who, f"0{day}T10:00", 1, **{"file.path": name}) for who in "abc" for day in (1, 2) for name in "xy"]
    assert usual(tmp_path, rules, rows) == [("li", 2, 2)]


def test_a_window_of_an_hour_is_compared_with_that_hour(tmp_path: Any) -> None:
    hour = book(EXPORT, SUM.replace("1d", "1h"))
    rows = [did("li", "02T10:30", 5000), *(did(who, "02T10:00", 70) for who in "abc")]
    rows += [did(who, "02T15:00", 500) for who in "abc"]
    assert usual(tmp_path, hour, rows) == [("li", 2, 70)]


@pytest.mark.parametrize(
    ("rules", "people"),
    [
        (book(EXPORT, SUM), PEOPLE[:3]),
        (book(EXPORT, SUM), [(name, "") for name, _ in PEOPLE]),
        (book(EXPORT, SUM.replace("[person.id]", "[person.id, crm.object]")), PEOPLE),
        (book(EXPORT + "first_seen: {field: crm.object}\n"), PEOPLE),
    ],
)
def test_nobody_knows_is_none_and_never_zero(tmp_path: Any, rules: RuleBook, people: Sequence[tuple[str, str]]) -> None:
    rows = [did("li", "02T10:00", 5000, **{"crm.object": "Lead"}), did("li", "20T10:00", 5000, **{"crm.object": "New"})]
    found = usual(tmp_path, rules, rows, people)
    assert found
    assert {value for _, _, value in found} == {None}
