"""Who has to do what by when, and that they are reminded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.wiring import House
from core.access import Caller, Permission
from core.action import ActionState
from core.calendar import CompanyCalendar
from core.deadline import Deadline, DeadlineKind, Deadlines
from core.notice import OPEN
from core.ports import Records

REMINDED = "reminded_until"
"""The setting that keeps up to when everybody was reminded."""


def deadlines(house: House) -> Sequence[Deadlines]:
    """Every part that knows of some."""
    records = house.records
    return [ActionDeadlines(records), WorkDeadlines(records), NoticeDeadlines(records, house.calendar)]


def remind(house: House, now: datetime) -> None:
    """Have it told once of what has come to be due soon, or overdue, since the last time; the first time of nothing.
    One process at a time."""
    known = house.records.setting(REMINDED)
    since = datetime.fromisoformat(known) if known else now
    days = (house.calendar.day_of(since), house.calendar.day_of(now))
    house.records.remind_of_work(since, now, days=days, mark=REMINDED)


class ActionDeadlines:
    """Actions that wait for whoever may approve them."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def deadlines(self, caller: Caller) -> Sequence[Deadline]:
        if not caller.may(Permission.APPROVE_ACTIONS):
            return []
        return [
            Deadline(id=one.id, kind=DeadlineKind.ACTION, due=one.expires, person=one.person, case=one.case)
            for one in self._records.actions(states=frozenset({ActionState.ASKED}))
            if one.asked_by.casefold() != caller.name.casefold()
        ]


class WorkDeadlines:
    """Cases and tasks, for those who read cases. Which of them somebody may see is for whoever shows them to say."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def deadlines(self, caller: Caller) -> Sequence[Deadline]:
        if not caller.may(Permission.READ_CASES):
            return []
        of_cases = [
            (DeadlineKind.CASE, case, case.id, work.due, work.assignee) for case, work in self._records.due_cases()
        ]
        of_tasks = [
            (DeadlineKind.TASK, case, task.id, task.due, task.assignee) for case, task in self._records.due_tasks()
        ]
        return [
            Deadline(id=one, kind=kind, due=due, person=case.person, case=case.id, assignee=assignee)
            for kind, case, one, due, assignee in (*of_cases, *of_tasks)
            if due
        ]


class NoticeDeadlines:
    """Notices that HR has not answered yet, for those who answer them. HR knows of no case."""

    def __init__(self, records: Records, calendar: CompanyCalendar) -> None:
        self._records = records
        self._calendar = calendar

    def deadlines(self, caller: Caller) -> Sequence[Deadline]:
        if not caller.may(Permission.ANSWER_NOTICES):
            return []
        return [
            Deadline(
                id=one.id,
                kind=DeadlineKind.NOTICE,
                due=self._calendar.end_of(one.deadline),
                person=one.person,
                case=one.case if caller.may(Permission.READ_CASES) else "",
            )
            for one in self._records.notices(states=OPEN)
        ]
