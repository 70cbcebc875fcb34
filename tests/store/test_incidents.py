"""What records of past incidents promise, and of who decided a case."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime

import sqlalchemy as sa

from core.case import CaseState
from core.label import Incident, IncidentKind
from store.records import SqlRecords
from store.records.copying import copy_records
from store.records.database import migrate

THEFT = Incident(
    account="mail:li.na@example.com",
    first=date(2026, 3, 2),
    last=date(2026, 3, 6),
    kind=IncidentKind.THEFT,
    why="法务部 2026-17：客户名单",
    who="王伟",
)


def test_an_incident_comes_back_as_it_was_and_says_when_it_was_filed(records: SqlRecords) -> None:
    before = datetime.now(UTC)
    assert records.save_incidents([THEFT]) == 1
    (found,) = records.incidents()
    assert found == THEFT
    assert found.filed
    assert before <= found.filed <= datetime.now(UTC)


def test_the_same_again_changes_nothing_and_marks_nobody(records: SqlRecords) -> None:
    records.save_incidents([THEFT])
    (first,) = records.incidents()
    assert records.save_incidents([THEFT, THEFT]) == 0
    (second,) = records.incidents()
    assert second.filed == first.filed
    assert list(records.pending()) == [], "alerts do not depend on them"


def test_of_one_person_and_first_day_the_last_row_counts(records: SqlRecords) -> None:
    records.save_incidents([THEFT])
    benign = replace(THEFT, kind=IncidentKind.BENIGN, why="the yearly audit")
    other = replace(THEFT, first=date(2026, 1, 5), last=date(2026, 1, 5))
    assert records.save_incidents([benign, other]) == 2
    assert records.incidents() == [other, benign]


def test_records_of_the_shape_before_keep_their_cases_and_get_room_for_incidents(address: str) -> None:
    with closing(SqlRecords(address)) as records, records.database.writing() as connection:
        connection.exec_driver_sql(
            "insert into cases (id, person, number, state, opened, score, alerts)"
            " values ('c', 'p', 0, 'new', '2026-03-02 09:00:00', 40, '[]')"
        )
        migrate(connection, "0007")
        assert "incidents" not in sa.inspect(connection).get_table_names()
    with closing(SqlRecords(address)) as again:
        assert [(case.id, case.decided_by) for case in again.cases()] == [("c", "")]
        assert again.save_incidents([THEFT]) == 1
        again.decide("c", CaseState.CONFIRMED, "she said so", datetime(2026, 3, 9, tzinfo=UTC), "li.na")
        assert [(case.state, case.decided_by) for case in again.cases()] == [(CaseState.CONFIRMED, "li.na")]


def test_incidents_move_with_the_records(records: SqlRecords, tmp_path: object) -> None:
    records.save_incidents([THEFT])
    with closing(SqlRecords(f"sqlite:///{tmp_path}/other.db")) as other:
        copy_records(records.database, other.database, "moved")
        assert other.incidents() == [THEFT]
