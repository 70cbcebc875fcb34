"""Unmaskings are kept, found, and in force as long as their case is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from storing import an_alert

from core.access import Depth
from core.case import Case, CaseState, case_id
from core.errors import Refused
from core.evidence import Deed
from core.unmasking import Purpose, Unmasking, UnmaskingState
from store.records import SqlRecords

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CASE = case_id("e1", 0)
WAITING = Unmasking(
    id="u1",
    case=CASE,
    person="e1",
    purpose=Purpose.INVESTIGATE,
    reason="两万条记录",
    depth=Depth.IDENTITY,
    lasts=timedelta(hours=8),
    asked_by="ann",
    employee="e9",
    asked=NOW,
)
GRANTED = replace(
    WAITING,
    state=UnmaskingState.GRANTED,
    answered_by="sen",
    answer="fits",
    answered=NOW,
    until=NOW + timedelta(hours=8),
)


@pytest.fixture
def opened(records: SqlRecords) -> SqlRecords:
    alert = an_alert("e1", 2)
    case = Case(
        id=CASE, person="e1", number=0, state=CaseState.NEW, opened=NOW, score=9.0, alerts=(alert.id,), scores=(9.0,)
    )
    records.settle([], {("e1", alert.day, alert.day)}, [alert], [case])
    return records


def test_one_is_kept_as_it_was_given_and_found(opened: SqlRecords) -> None:
    opened.save_unmasking(WAITING, None)
    opened.save_unmasking(replace(WAITING, id="u2", asked=NOW + timedelta(1), asked_by="bob"), None)
    assert opened.unmasking("u1") == WAITING
    assert opened.unmasking("u3") is None
    assert [one.id for one in opened.unmaskings()] == ["u2", "u1"], "the newest first"
    assert [one.id for one in opened.unmaskings(asked_by="ann", case=CASE, state=UnmaskingState.WAITING)] == ["u1"]
    assert opened.unmaskings(person="e2") == []


def test_one_is_in_force_until_its_time_is_over_or_its_case_decided(opened: SqlRecords) -> None:
    opened.save_unmasking(WAITING, None)
    assert opened.unmaskings_in_force(NOW) == []
    opened.save_unmasking(GRANTED, UnmaskingState.WAITING)
    assert opened.unmaskings_in_force(NOW, "ann") == opened.unmaskings_in_force(NOW) == [GRANTED]
    assert opened.unmaskings_in_force(NOW, "sen") == []
    assert opened.unmaskings_in_force(NOW + timedelta(hours=8)) == []
    opened.decide(CASE, CaseState.BENIGN, "on duty", NOW, "ann")
    assert opened.unmaskings_in_force(NOW) == []


def test_what_changed_meanwhile_is_not_changed_again_and_nothing_is_noted_of_it(opened: SqlRecords) -> None:
    opened.save_unmasking(WAITING, None)
    with pytest.raises(Refused):
        opened.save_unmasking(WAITING, None)
    opened.save_unmasking(GRANTED, UnmaskingState.WAITING)
    with pytest.raises(Refused, match="granted by now"):
        opened.save_unmasking(replace(WAITING, state=UnmaskingState.REFUSED), UnmaskingState.WAITING)
    noted = [(entry.deed, entry.by, tuple(entry.about)) for entry in opened.audited()]
    assert noted == [(Deed.ASKED_TO_UNMASK, "ann", ("e1", CASE)), (Deed.UNMASKED, "sen", ("e1", CASE))]


def test_the_log_is_narrowed_by_who_and_by_deed(opened: SqlRecords) -> None:
    opened.save_unmasking(WAITING, None)
    opened.save_unmasking(GRANTED, UnmaskingState.WAITING)
    assert [entry.number for entry in opened.audited(by="sen")] == [1]
    assert [entry.number for entry in opened.audited(deed=Deed.ASKED_TO_UNMASK)] == [0]
    assert opened.audited(by="sen", deed=Deed.ASKED_TO_UNMASK) == []


def test_alerts_and_cases_are_found_by_id(opened: SqlRecords) -> None:
    (alert,) = opened.alerts()
    assert opened.alerts_named([alert.id, "none"]) == [alert]
    assert opened.alert_persons([alert.id, "none"]) == {alert.id: "e1"}
    case = opened.case(CASE)
    assert case is not None
    assert case.person == "e1"
    assert opened.case("none") is None
