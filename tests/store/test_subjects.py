"""Requests about persons: every database keeps them alike, and those of before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from storing import an_alert
from test_lapsing import freeze, take_away, write
from test_triage import a_case

from core.errors import Refused
from core.evidence import Deed
from core.subjects import Right, SubjectRequest
from store.records import SqlRecords
from store.records.database import HEAD, migrate

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
ASKED = SubjectRequest(
    id="a" * 32, right=Right.ACCESS, person="7", pseudonym="P1", reason="来函", asked_by="ann", asked=AT
)
DONE = replace(ASKED, done_by="bob", done=AT + timedelta(hours=1), counts={"events": 3})


def test_a_request_is_kept_as_it_is_and_one_of_a_kind_waits(records: SqlRecords) -> None:
    records.ask_for_subject(ASKED)
    with pytest.raises(Refused, match="already"):
        records.ask_for_subject(replace(ASKED, id="b" * 32))
    gone = replace(ASKED, id="c" * 32, right=Right.ERASURE, asked=AT + timedelta(hours=2))
    records.ask_for_subject(gone)
    assert records.subject_requests() == [ASKED, gone]
    assert [entry.deed for entry in records.audited("7")] == [Deed.ASKED_FOR_ACCESS, Deed.ASKED_TO_ERASE]
    records.answered_subject(DONE)
    again = replace(ASKED, id="d" * 32, asked=AT + timedelta(hours=3))
    records.ask_for_subject(again)
    assert records.subject_requests() == [DONE, gone, again]


def test_it_is_answered_once_and_by_somebody_else(records: SqlRecords) -> None:
    records.ask_for_subject(ASKED)
    for wrong in (replace(DONE, done_by=" Ann"), replace(DONE, id="b" * 32), replace(DONE, right=Right.ERASURE)):
        with pytest.raises(Refused):
            records.answered_subject(wrong)
    assert records.subject_requests() == [ASKED]
    records.answered_subject(DONE)
    with pytest.raises(Refused, match="done already"):
        records.answered_subject(DONE)
    last = records.last_noted()
    assert last
    assert (last.deed, last.by, last.about) == (Deed.ANSWERED, "bob", ("7",))
    assert last.details == {"what": "access", "request": ASKED.id, "events": 3}


def test_what_lies_of_alerts_and_cases_that_are_gone_is_found_by_person(records: SqlRecords) -> None:
    """A crew's case is of each whose alerts it had; one with which nothing lies is of nobody."""
    own, others = a_case("e1"), a_case("e2", 1, 2)
    crew = replace(own, alerts=(*own.alerts, *others.alerts), scores=(40.0,) * 4)
    every = [an_alert(person, day) for person in ("e1", "e2") for day in (1, 2, 3)]
    records.settle((), [], every, [crew, a_case("e1", 3, number=1)])
    freeze(records)
    write(records, crew)
    assert records.displaced_of("e1") == [], "the case is there"
    take_away(records, "e1", "e2")
    for person in ("e1", "e2"):
        assert records.frozen_alerts_of(person) == sorted(an_alert(person, day).id for day in (1, 2, 3))
        assert records.displaced_of(person) == [crew.id]
    assert (records.frozen_alerts_of("e3"), records.displaced_of("e3")) == ([], [])


def test_requests_to_erase_of_the_shape_before_are_kept_and_go_back(address: str, tmp_path: Path) -> None:
    records = SqlRecords(address, keys=tmp_path / "records.key")
    gone = replace(ASKED, right=Right.ERASURE)
    records.ask_for_subject(gone)
    records.ask_for_subject(replace(ASKED, id="b" * 32))
    with records.database.writing() as connection:
        migrate(connection, "0021")
        before = connection.exec_driver_sql("select id, erased from erasure_requests").all()
        assert before == [(gone.id, "{}")], "what the shape before does not know goes"
        migrate(connection, HEAD)
    assert records.subject_requests() == [gone], "what is encrypted opens still"
    records.close()
