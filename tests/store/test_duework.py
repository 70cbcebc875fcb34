"""What comes to be due is told once, to whoever has to keep it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from storing import an_alert

from core.case import Case, CaseState, case_id
from core.casefiles import Task
from core.triage import Change, Step, Work
from store.records import SqlRecords

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVER, FOREVER = date(1970, 1, 1), date(9999, 12, 31)


def a_case(records: SqlRecords, person: str = "e1") -> Case:
    alert = an_alert(person, 1)
    case = Case(
        id=case_id(person, 0),
        person=person,
        number=0,
        state=CaseState.NEW,
        opened=NOW,
        score=80.0,
        alerts=(alert.id,),
        scores=(40.0,),
    )
    records.settle((), [(person, EVER, FOREVER)], [alert], [case])
    return case


def set_due(records: SqlRecords, case: Case, due: datetime | None, assignee: str = "li") -> None:
    before = records.work([case.id])[case.id]
    after = replace(before, version=before.version + 1, due=due, assignee=assignee)
    records.change([Change(before=before, after=after, step=Step.DUE_SET, at=NOW, by="li")])


def a_task(case: Case, due: datetime | None = NOW, name: str = "t1", **given: object) -> Task:
    return Task(id=name, case=case.id, title="ask", by="wang", at=NOW, due=due, **given)  # type: ignore[arg-type]


def remind(records: SqlRecords, since: datetime, until: datetime) -> list[tuple[str, tuple[str, ...]]]:
    """What is told of for it."""
    before = records.last_happening()
    records.remind_of_work(since, until, days=(since.date(), until.date()), mark="m")
    return [(one.kind.value, tuple(one.to)) for one in records.happened(before, 100)]


def test_a_case_is_told_of_the_day_before_and_when_it_is_overdue(records: SqlRecords) -> None:
    case = a_case(records)
    set_due(records, case, NOW)
    assert remind(records, NOW - 2 * DAY, NOW - DAY - HOUR) == []
    assert remind(records, NOW - DAY - HOUR, NOW - DAY) == [("case.due", ("user:li",))]
    assert remind(records, NOW - DAY, NOW - HOUR) == []
    assert remind(records, NOW - HOUR, NOW + HOUR) == [("case.overdue", ("user:li",))]
    assert remind(records, NOW + HOUR, NOW + 9 * DAY) == []
    assert records.setting("m") == "2026-03-11T09:30:00.000000Z"


def test_what_was_missed_while_nobody_looked_is_overdue_only(records: SqlRecords) -> None:
    set_due(records, a_case(records), NOW)
    assert remind(records, NOW - 3 * DAY, NOW + DAY) == [("case.overdue", ("user:li",))]


def test_of_what_nobody_works_on_everybody_is_told_who_asked(records: SqlRecords) -> None:
    set_due(records, a_case(records), NOW, assignee="")
    assert remind(records, NOW - HOUR, NOW) == [("case.overdue", ())]


@pytest.mark.parametrize(
    ("assignee", "worker", "told"),
    [("chen", "li", ("user:chen",)), ("", "li", ("user:li", "user:wang")), ("", "", ("user:wang",))],
)
def test_a_task_is_told_of_to_whoever_has_to_do_it(
    records: SqlRecords, assignee: str, worker: str, told: tuple[str, ...]
) -> None:
    case = a_case(records)
    set_due(records, case, None, assignee=worker)
    records.add_task(a_task(case, assignee=assignee))
    assert remind(records, NOW - DAY - HOUR, NOW - DAY) == [("task.due", told)]
    assert remind(records, NOW - HOUR, NOW) == [("task.overdue", told)]
    (_, found) = records.due_tasks()[0]
    assert found == a_task(case, assignee=assignee)


def test_what_is_done_or_decided_is_due_no_more(records: SqlRecords) -> None:
    case, other = a_case(records), a_case(records, "e2")
    set_due(records, case, NOW)
    records.add_task(a_task(case))
    records.add_task(a_task(other, name="t2", done=NOW, done_by="li"))
    records.add_task(a_task(other, name="t3", due=None))
    assert [(of.id, work) for of, work in records.due_cases()] == [
        (case.id, Work(case=case.id, version=1, due=NOW, assignee="li"))
    ]
    assert [task.id for _, task in records.due_tasks()] == ["t1"]
    records.decide(case.id, CaseState.BENIGN, "fine", NOW)
    assert (records.due_cases(), records.due_tasks()) == ([], [])
    assert remind(records, NOW - HOUR, NOW) == []


def test_a_due_time_that_is_put_off_is_told_of_anew(records: SqlRecords) -> None:
    case = a_case(records)
    set_due(records, case, NOW)
    assert len(remind(records, NOW - DAY - HOUR, NOW - DAY)) == 1
    set_due(records, case, NOW + 7 * DAY)
    assert remind(records, NOW - DAY, NOW + 5 * DAY) == []
    assert remind(records, NOW + 5 * DAY, NOW + 6 * DAY) == [("case.due", ("user:li",))]
