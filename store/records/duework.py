"""What is due, and that it is told once when it comes to be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, select

from core.canonical import moment_or_none, moment_text
from core.case import Case
from core.casefiles import Task
from core.deadline import SOON
from core.happening import Happening, Kind
from core.notice import OPEN
from core.triage import Work
from store.records.caserows import case_of
from store.records.database import Database, pieces, upsert
from store.records.happenings import happen_in
from store.records.hrtables import notices as notice_table
from store.records.notices import notice_happening, notices_in
from store.records.tables import cases as case_table
from store.records.tables import settings
from store.records.triagerows import CLOSED, effective_lead, lead_case, step_happening, work_in
from store.records.triagetables import tasks as task_table
from store.records.triagetables import work as work_table


class DueRecords:
    """Adapter of `core.deadline.DueWork`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due_cases(self) -> Sequence[tuple[Case, Work]]:
        with self._database.reading() as connection:
            return _cases(connection, work_table.c.due.is_not(None))

    def due_tasks(self) -> Sequence[tuple[Case, Task]]:
        with self._database.reading() as connection:
            return _tasks(connection, task_table.c.due.is_not(None))

    def remind_of_work(self, since: datetime, until: datetime, *, days: tuple[date, date], mark: str) -> None:
        with self._database.writing() as connection:
            told: list[Happening] = []
            soon, late = (max(since + SOON, until), until + SOON), (since, until)
            for (first, last), of_case, of_task in (
                (soon, Kind.CASE_DUE, Kind.TASK_DUE),
                (late, Kind.CASE_OVERDUE, Kind.TASK_OVERDUE),
            ):
                works = _cases(connection, work_table.c.due > first, work_table.c.due <= last)
                tasks = _tasks(connection, task_table.c.due > first, task_table.c.due <= last)
                told += [_of_case(connection, *one, of_case, until) for one in works]
                told += [_of_task(connection, *one, of_task, until) for one in tasks]
            over = (notice_table.c.deadline >= days[0]) & (notice_table.c.deadline < days[1])
            notices = notices_in(connection, over, notice_table.c.state.in_(sorted(OPEN)))
            told += [notice_happening(one, Kind.NOTICE_OVERDUE, "", until) for one in notices]
            upsert(connection, settings, [{"name": mark, "value": moment_text(until)}])
            happen_in(connection, told)


def _cases(connection: Connection, *where: ColumnElement[bool]) -> list[tuple[Case, Work]]:
    joined = case_table.join(work_table, work_table.c.case == case_table.c.id)
    joined = joined.outerjoin(lead_case, lead_case.c.id == work_table.c.lead)
    query = select(case_table).select_from(joined).where(effective_lead() == "", *_open(where))
    cases = [case_of(dict(row)) for row in connection.execute(query).mappings()]
    works = work_in(connection, [case.id for case in cases])
    return [(case, works[case.id]) for case in cases]


def _tasks(connection: Connection, *where: ColumnElement[bool]) -> list[tuple[Case, Task]]:
    joined = case_table.join(task_table, task_table.c.case == case_table.c.id)
    query = select(case_table, task_table.c.id.label("task")).select_from(joined)
    query = query.where(task_table.c.done.is_(None), *_open(where))
    rows = [dict(row) for row in connection.execute(query).mappings()]
    cases = {row.pop("task"): case_of(row) for row in rows}
    found: list[tuple[Case, Task]] = []
    for some in pieces(sorted(cases)):
        tasks = connection.execute(select(task_table).where(task_table.c.id.in_(some))).mappings()
        found += [(cases[row["id"]], Task(**row)) for row in tasks]
    return found


def _open(where: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    return [case_table.c.state.not_in(CLOSED), *where]


def _of_case(connection: Connection, case: Case, work: Work, kind: Kind, at: datetime) -> Happening:
    """Its assignee is told; where there is none, whoever has asked to be."""
    to = [f"user:{work.assignee}"] if work.assignee else []
    return step_happening(connection, case, kind, at=at, by="", to=to, details={"due": moment_or_none(work.due)})


def _of_task(connection: Connection, case: Case, task: Task, kind: Kind, at: datetime) -> Happening:
    """Its assignee is told; where there is none, whoever works on the case and whoever set it."""
    worker = work_in(connection, [case.id])[case.id].assignee
    names = {task.assignee} if task.assignee else {worker, task.by} - {""}
    to = [f"user:{name}" for name in sorted(names)]
    details = {"task": task.id, "assignee": task.assignee, "due": moment_or_none(task.due)}
    return step_happening(connection, case, kind, at=at, by="", to=to, details=details)
