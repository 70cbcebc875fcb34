"""What has to be done by when: for lists and calendars, and for those who are reminded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from core.access import Caller
from core.case import Case
from core.casefiles import Task
from core.triage import Work

SOON = timedelta(days=1)
"""So long before it is due somebody is reminded."""


class DeadlineKind(StrEnum):
    TASK = "task"
    CASE = "case"
    NOTICE = "notice"
    ACTION = "action"
    LAST_DAY = "last_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """`id` is that of the task, case, notice or action; `person` and `case` are whom and what it is about, empty where
    nobody and none; `assignee` is who has to keep it, where that is one."""

    id: str
    kind: DeadlineKind
    due: datetime
    person: str = ""
    case: str = ""
    assignee: str = ""


def case_link(base_url: str, case: str) -> str:
    """Where a case is read; empty where there is no case, or nobody knows the address of the service."""
    return f"{base_url}/cases/{case}" if base_url and case else ""


class Deadlines(Protocol):
    """One part's deadlines."""

    def deadlines(self, caller: Caller) -> Sequence[Deadline]:
        """Those that somebody has to keep, and that are not done."""


class DueWork(Protocol):
    """What of the work on cases, and of notices, is due."""

    def due_cases(self) -> Sequence[tuple[Case, Work]]:
        """Cases with a due time that are not decided; of those worked on together of the one that leads."""

    def due_tasks(self) -> Sequence[tuple[Case, Task]]:
        """Tasks with a due time that are not done, of cases that are not decided."""

    def remind_of_work(self, since: datetime, until: datetime, *, days: tuple[date, date], mark: str) -> None:
        """Have it told of each case and task that came to be due soon, or overdue, in `since` < moment <= `until`, and
        of each open notice whose deadline is in `days`, first <= day < last. In the same transaction the setting
        `mark` becomes `until`."""
