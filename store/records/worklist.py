"""The list of cases to work on, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from core.case import DECIDED, Case
from core.triage import Term, Wanted, WorkState
from store.records.caserows import case_of
from store.records.database import Database
from store.records.tables import cases as case_table
from store.records.triagerows import SEVERITIES, effective_lead, having_all, lead_case
from store.records.triagetables import contents, words, work

CLOSED = sorted(state.value for state in DECIDED)


class WorklistRecords:
    """Adapter of the list of `core.triage.Triage`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def worklist(self, wanted: Wanted, after: tuple[datetime, str] | None, most: int) -> Sequence[Case]:
        opened, key = case_table.c.opened, case_table.c.id
        joined = case_table.outerjoin(work, work.c.case == key).outerjoin(lead_case, lead_case.c.id == work.c.lead)
        query = select(case_table).select_from(joined).where(effective_lead() == "", *_where(wanted))
        if after is not None:
            query = query.where(or_(opened < after[0], and_(opened == after[0], key < after[1])))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(opened.desc(), key.desc()).limit(most)).mappings()
            return [case_of(dict(row)) for row in rows]


def _where(wanted: Wanted) -> list[ColumnElement[bool]]:
    case = case_table.c
    where: list[ColumnElement[bool]] = []
    if wanted.states:
        where.append(_in_states(wanted))
    if wanted.verdicts:
        where.append(case.state.in_(sorted(wanted.verdicts)))
    if wanted.assignee is not None:
        where.append(func.coalesce(work.c.assignee, "") == wanted.assignee)
    if wanted.due is not None:
        where.append(work.c.due < wanted.due)
    if wanted.score is not None:
        where.append(case.score >= wanted.score)
    where += [case.opened >= wanted.since] if wanted.since else []
    where += [case.opened < wanted.until] if wanted.until else []
    if wanted.severity is not None:
        at_least = contents.c.severity >= SEVERITIES.index(wanted.severity)
        where.append(_one_of(select(contents.c.case).where(at_least)))
    if wanted.handed_over:
        where.append(work.c.handed_over.is_not(None))
    return where + [_says(term) for term in wanted.terms]


def _in_states(wanted: Wanted) -> ColumnElement[bool]:
    going = sorted(state.value for state in wanted.states if state is not WorkState.CLOSED)
    is_open = case_table.c.state.not_in(CLOSED)
    found = is_open & func.coalesce(work.c.state, WorkState.NEW.value).in_(going)
    return or_(found, ~is_open) if WorkState.CLOSED in wanted.states else found


def _says(term: Term) -> ColumnElement[bool]:
    """Whether one text of a case has all words of a term, or an alert is of one of its rules."""
    told = _one_of(having_all(term.words).with_only_columns(words.c.case))
    return (
        or_(told, _one_of(select(contents.c.case).where(contents.c.rule.in_(sorted(term.rules)))))
        if term.rules
        else told
    )


def _one_of(found: Select[Any]) -> ColumnElement[bool]:
    """Whether a case, or one that is worked on with it, is among those found."""
    with_it = select(work.c.lead).where(work.c.lead != "", work.c.case.in_(found))
    return or_(case_table.c.id.in_(found), case_table.c.id.in_(with_it))
