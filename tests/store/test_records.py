"""What every adapter of the records promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from core.alert import Alert, Severity, Term, alert_id
from core.case import Case, CaseState, case_id
from core.errors import ConfigError
from core.person import Filing, Link, Person
from core.ports import Mark
from store.records import SqlRecords
from store.records.database import HEAD
from store.records.tables import metadata

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
LI = Person(id="1", name="李娜", email="li.na@example.com", hired=date(2020, 1, 1))
MAIL = Link(account="mail:li.na@example.com", person="1")


def alert(rule: str = "mass_export", person: str = "1", day: date = DAY, score: float = 35.0) -> Alert:
    return Alert(
        id=alert_id(rule, person, day),
        rule=rule,
        person=person,
        day=day,
        time=NOON + (day - DAY),
        severity=Severity.HIGH,
        score=score,
        terms=(Term(name=rule, points=score, observed=12000, limit=10000),),
        facts={"observed": 12000, "example": "客户.xlsx", "ratio": 1.5},
        events=("e1", "e2"),
        stage="active",
    )


def case(person: str, *alerts: Alert) -> Case:
    ids = tuple(one.id for one in alerts)
    return Case(
        id=case_id(person, 0), person=person, number=0, state=CaseState.NEW, opened=NOON, score=35.0, alerts=ids
    )


def marked(records: SqlRecords, *subjects: str) -> list[Mark]:
    records.add([Mark(subject=subject, first=DAY, last=DAY) for subject in subjects])
    return list(records.pending())


def test_marks_of_one_subject_become_the_run_that_covers_them(records: SqlRecords) -> None:
    records.add([Mark(subject="a", first=date(2026, 3, 5), last=date(2026, 3, 6))])
    records.add(
        [Mark(subject="a", first=date(2026, 3, 1), last=date(2026, 3, 2)), Mark(subject="b", first=DAY, last=DAY)]
    )
    assert [(m.subject, m.first, m.last) for m in records.pending()] == [
        ("a", date(2026, 3, 1), date(2026, 3, 6)),
        ("b", DAY, DAY),
    ]


def test_a_mark_renewed_while_it_is_judged_survives(records: SqlRecords) -> None:
    read = marked(records, "a", "b")
    records.add([Mark(subject="a", first=DAY, last=DAY)])
    records.settle(read, [], [], [])
    assert [m.subject for m in records.pending()] == ["a"]


def test_what_was_settled_comes_back_as_it_was(records: SqlRecords) -> None:
    found = alert()
    records.settle(marked(records, "a"), [("1", DAY, DAY)], [found], [case("1", found)])
    assert records.alerts() == [found]
    assert records.alert(found.id) == found
    assert records.alert("nothing") is None
    assert records.cases() == [case("1", found)]
    assert records.pending() == []


def test_the_judged_days_have_exactly_the_new_alerts_and_other_days_keep_theirs(records: SqlRecords) -> None:
    old, stale, other = alert(day=date(2026, 2, 1)), alert("many_exports"), alert(person="2")
    records.settle([], [("1", date(2026, 1, 1), DAY), ("2", DAY, DAY)], [old, stale, other], [])
    records.settle([], [("1", DAY, DAY)], [alert()], [])
    assert {a.id for a in records.alerts()} == {old.id, other.id, alert().id}


def test_an_alert_written_again_keeps_when_it_was_detected(records: SqlRecords) -> None:
    records.settle([], [("1", DAY, DAY)], [alert()], [])
    first = records.detected_at([alert().id])
    records.settle([], [("1", DAY, DAY)], [alert(score=40.0)], [])
    assert records.detected_at([alert().id]) == first
    assert records.alerts()[0].score == 40.0


def test_a_case_follows_its_persons_alerts(records: SqlRecords) -> None:
    records.settle([], [("1", DAY, DAY)], [alert()], [case("1", alert())])
    records.settle([], [("1", DAY, DAY)], [], [])
    assert records.cases() == []
    assert records.cases(persons=["1"]) == []


def test_alerts_are_asked_for_by_person_and_time(records: SqlRecords) -> None:
    later = alert(day=DAY + timedelta(days=1))
    records.settle([], [("1", DAY, later.day), ("2", DAY, DAY)], [later, alert(), alert(person="2")], [])
    assert [a.day for a in records.alerts(persons=["1"])] == [DAY, later.day]
    assert records.alerts(since=later.time) == [later]
    assert {a.person for a in records.alerts(until=later.time)} == {"1", "2"}
    assert records.alerts(persons=[]) == []


def test_a_person_or_link_that_changes_is_judged_again_and_one_that_does_not_is_not(records: SqlRecords) -> None:
    records.save_persons([LI], [MAIL])
    assert {m.subject for m in records.pending()} == {"person:1", "mail:li.na@example.com"}
    records.settle(records.pending(), [], [], [])
    records.save_persons([LI], [MAIL])
    assert records.pending() == []
    records.save_persons([LI], [replace(MAIL, until=NOON)])
    assert {m.subject for m in records.pending()} == {"person:1", "mail:li.na@example.com"}
    assert records.links() == [replace(MAIL, until=NOON)]
    assert records.persons() == [LI]


def test_importing_some_persons_leaves_the_others_alone(records: SqlRecords) -> None:
    wang = Person(id="2", email="wang@example.com")
    records.save_persons([LI, wang], [MAIL, Link(account="mail:wang@example.com", person="2")])
    records.save_persons([LI], [])
    assert [link.person for link in records.links()] == ["2"]
    assert len(records.persons()) == 2


def test_a_filing_marks_the_past_it_looks_back_on_once(records: SqlRecords) -> None:
    filing = Filing(account="mail:li.na@example.com", filed=NOON, last_day=date(2026, 4, 1))
    records.save_filings([filing], replay_days=30)
    (mark,) = records.pending()
    assert (mark.subject, mark.first) == ("mail:li.na@example.com", date(2026, 1, 30))
    records.settle(records.pending(), [], [], [])
    records.save_filings([filing], replay_days=30)
    assert records.pending() == []
    records.save_filings([replace(filing, last_day=date(2026, 4, 2))], replay_days=30)
    assert records.filings() == [replace(filing, last_day=date(2026, 4, 2))]
    assert len(records.pending()) == 1


def test_settings_keep_the_last_value(records: SqlRecords) -> None:
    assert records.setting("x") is None
    records.set_setting("x", "1")
    records.set_setting("x", "2")
    assert records.setting("x") == "2"


def test_migrations_make_the_tables_the_code_knows(records: SqlRecords) -> None:
    made = inspect(records.database.engine)
    for table in metadata.sorted_tables:
        assert {c["name"] for c in made.get_columns(table.name)} == set(table.columns.keys())
        assert {i["name"] for i in made.get_indexes(table.name)} == {i.name for i in table.indexes}
    config = Config()
    config.set_main_option("script_location", "store/migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"not a database at all, but long enough to look at" * 50)
    with pytest.raises(ConfigError, match="cannot be used"):
        SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")
