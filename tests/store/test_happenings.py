"""What happened is told in order, to whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from storing import an_alert

from core.alert import Alert, Outcome
from core.case import Case, CaseState, case_id
from core.happening import Happening, Kind
from store.records import SqlRecords

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def of(kind: Kind, subject: str, at: datetime = NOW) -> Happening:
    return Happening(at=at, kind=kind, subject=subject, person="e1", by="li", to=("role:hr",), details={"days": 3})


def told(records: SqlRecords, after: int = -1) -> list[tuple[Kind, str]]:
    return [(one.kind, one.subject) for one in records.happened(after, 100)]


def settle(records: SqlRecords, alerts: list[Alert], cases: list[Case]) -> None:
    day = an_alert("e1", 2).day
    records.settle([], {("e1", day, day)}, alerts, cases)


def a_case(alerts: list[Alert]) -> Case:
    ids = tuple(alert.id for alert in alerts)
    return Case(id=case_id("e1", 0), person="e1", number=0, state=CaseState.NEW, opened=NOW, score=9.0, alerts=ids)


def test_happenings_come_in_order_a_page_at_a_time(records: SqlRecords) -> None:
    assert records.last_happening() == -1
    records.happen([of(Kind.NOTICE_SENT, "n1"), of(Kind.NOTICE_ANSWERED, "n1")])
    records.happen([of(Kind.ACTION_ASKED, "a1")])
    first, *_ = records.happened(-1, 2)
    assert (first.number, replace(first, number=-1)) == (0, of(Kind.NOTICE_SENT, "n1"))
    assert [one.number for one in records.happened(1, 5)] == [2]
    assert [one.subject for one in records.happened(-1, 5, [Kind.ACTION_ASKED])] == ["a1"]
    assert records.last_happening() == 2


def test_what_is_old_goes_and_numbers_go_on(records: SqlRecords) -> None:
    records.happen([of(Kind.NOTICE_SENT, "n1"), of(Kind.NOTICE_SENT, "n2"), of(Kind.NOTICE_SENT, "n3")])
    records.forget_happenings(NOW + timedelta(days=1))
    assert told(records) == [(Kind.NOTICE_SENT, "n3")]
    records.happen([of(Kind.NOTICE_SENT, "n4")])
    assert records.last_happening() == 3


def test_writers_at_the_same_time_leave_no_gap_and_no_double(records: SqlRecords) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: records.happen([of(Kind.TASK_SET, f"t{n}"), of(Kind.TASK_SET, f"u{n}")]), range(20)))
    assert [one.number for one in records.happened(-1, 100)] == list(range(40))


def test_an_alert_is_raised_changed_and_gone_and_its_case_opened_once(records: SqlRecords) -> None:
    alert = an_alert("e1", 2)
    settle(records, [alert], [a_case([alert])])
    assert told(records) == [(Kind.ALERT_RAISED, alert.id), (Kind.CASE_OPENED, case_id("e1", 0))]
    assert [one.severity for one in records.happened(-1, 9)] == [alert.severity.value] * 2
    settle(records, [alert], [a_case([alert])])
    assert len(told(records)) == 2
    settle(records, [replace(alert, score=alert.score + 1)], [a_case([alert])])
    settle(records, [], [])
    assert told(records, 1) == [(Kind.ALERT_CHANGED, alert.id), (Kind.ALERT_GONE, alert.id)]


def test_what_is_no_alert_is_not_told_of(records: SqlRecords) -> None:
    settle(records, [replace(an_alert("e1", 2), outcome=Outcome.SUPPRESSED)], [])
    assert told(records) == []


def test_a_decision_is_told_with_who_made_it(records: SqlRecords) -> None:
    alert = an_alert("e1", 2)
    settle(records, [alert], [a_case([alert])])
    records.decide(case_id("e1", 0), CaseState.BENIGN, "on duty", NOW, "wang")
    last = records.happened(1, 9)[0]
    assert (last.kind, last.by, last.person, last.details) == (Kind.CASE_DECIDED, "wang", "e1", {"verdict": "benign"})
