"""Rows of the work on cases, and the steps that every change of it takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, case, delete, func, insert, select

from core.alert import Severity
from core.canonical import moment_or_none
from core.case import DECIDED, Case
from core.errors import Refused, Stale
from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from core.triage import Contents, Step, Work, WorkState
from core.words import words_of
from store.records.audit import note_in
from store.records.caserows import case_of
from store.records.database import pieces, upsert
from store.records.tables import alerts as alert_table
from store.records.tables import cases as case_table
from store.records.triagetables import contents as contents_table
from store.records.triagetables import words as word_table
from store.records.triagetables import work as work_table

SEVERITIES = tuple(Severity)
CLOSED = sorted(state.value for state in DECIDED)
lead_case = case_table.alias("lead_case")
TOLD = ("state", "assignee", "due")
"""What the history says of a change, before and after."""


def the_case(connection: Connection, case_id: str) -> Case:
    """The case, which nobody else writes until the transaction ends. Raises `Refused` where there is none."""
    query = select(case_table).where(case_table.c.id == case_id).with_for_update()
    # A judge that has just written it anew had taken the row away that was waited for: the next look finds the new one.
    for _ in range(2):
        if row := connection.execute(query).mappings().first():
            return case_of(dict(row))
    raise Refused(f"there is no case {case_id}")


def effective_lead() -> ColumnElement[str]:
    """The case that one is worked on with; none where that is gone, or was decided without this one. For queries that
    join `case_table`, `work_table` and `lead_case`."""
    there = lead_case.c.id.is_not(None) & (lead_case.c.state.not_in(CLOSED) | case_table.c.state.in_(CLOSED))
    return case((there, work_table.c.lead), else_="")


def work_in(connection: Connection, cases: Collection[str]) -> dict[str, Work]:
    found = {one: Work(case=one) for one in cases}
    joined = work_table.outerjoin(case_table, case_table.c.id == work_table.c.case)
    joined = joined.outerjoin(lead_case, lead_case.c.id == work_table.c.lead)
    columns = [column for column in work_table.columns if column.name != "lead"]
    query = select(*columns, effective_lead().label("lead")).select_from(joined)
    for some in pieces(sorted(found)):
        rows = connection.execute(query.where(work_table.c.case.in_(some))).mappings()
        found |= {row["case"]: Work(**dict(row) | {"state": WorkState(row["state"])}) for row in rows}
    return found


def advance(connection: Connection, before: Work, after: Work) -> None:
    """The work becomes another one, if it is still what it was. Raises `Stale`."""
    if work_in(connection, [before.case])[before.case].version != before.version:
        raise Stale(f"somebody has changed case {before.case} meanwhile: look at it again")
    save_work(connection, [after])


def save_work(connection: Connection, works: Iterable[Work]) -> None:
    rows = [asdict(work) | {"state": work.state.value} for work in sorted(works, key=lambda work: work.case)]
    upsert(connection, work_table, rows)


def touched(works: Iterable[Work], **changed: Any) -> list[Work]:
    """The next version of each."""
    return [replace(work, version=work.version + 1, **changed) for work in works]


def note_step(
    connection: Connection, about: Case, step: Step, *, at: datetime, by: str, details: Mapping[str, Any], why: str = ""
) -> None:
    told = {"step": step.value, **details}
    note_in(
        connection, AuditEntry(at=at, by=by, deed=Deed.WORKED, about=(about.person, about.id), why=why, details=told)
    )


def differences(before: Work, after: Work) -> Mapping[str, Any]:
    """What changed, as it is told: `before` and `after` of it."""
    changed = [name for name in TOLD if getattr(before, name) != getattr(after, name)]
    return {"before": _told(before, changed), "after": _told(after, changed)} if changed else {}


def _told(work: Work, names: Sequence[str]) -> dict[str, Any]:
    values = {"state": work.state.value, "assignee": work.assignee, "due": moment_or_none(work.due)}
    return {name: values[name] for name in names}


def step_happening(
    connection: Connection,
    about: Case,
    kind: Kind,
    *,
    at: datetime,
    by: str,
    details: Mapping[str, Any],
    to: Sequence[str] = (),
) -> Happening:
    severity = contents_in(connection, [about.id])[about.id].severity
    return Happening(
        at=at,
        kind=kind,
        subject=about.id,
        person=about.person,
        by=by,
        severity=severity.value if severity else "",
        to=tuple(to),
        details=details,
    )


def contents_in(connection: Connection, cases: Collection[str]) -> dict[str, Contents]:
    found: dict[str, list[tuple[str, str, int]]] = {one: [] for one in cases}
    for some in pieces(sorted(found)):
        for row in connection.execute(select(contents_table).where(contents_table.c.case.in_(some))):
            found[row.case].append((row.person, row.rule, row.severity))
    return {
        one: Contents(
            persons=frozenset(person for person, _, _ in rows),
            rules=frozenset(rule for _, rule, _ in rows),
            severity=SEVERITIES[max(severity for _, _, severity in rows)] if rows else None,
        )
        for one, rows in found.items()
    }


def save_contents(connection: Connection, cases: Sequence[Case], gone: Collection[str] = ()) -> None:
    """Who and what these cases are about, from the alerts that are stored; of those gone nothing is kept."""
    forget(connection, contents_table, "case", {*gone, *(one.id for one in cases)})
    known: dict[str, tuple[str, str, int]] = {}
    columns = (alert_table.c.id, alert_table.c.person, alert_table.c.rule, alert_table.c.severity)
    for some in pieces(sorted({alert for one in cases for alert in one.alerts})):
        for row in connection.execute(select(*columns).where(alert_table.c.id.in_(some))):
            known[row.id] = (row.person, row.rule, SEVERITIES.index(Severity(row.severity)))
    found = {(one.id, *known[alert]) for one in cases for alert in one.alerts if alert in known}
    names = ("case", "person", "rule", "severity")
    if found:
        connection.execute(insert(contents_table), [dict(zip(names, row, strict=True)) for row in sorted(found)])


def save_words(connection: Connection, of: str, document: str, text: str) -> None:
    """What a text is found by becomes this; nothing where it is empty."""
    forget(connection, word_table, "document", [document])
    rows = [{"word": word, "case": of, "document": document} for word in sorted(words_of(text))]
    if rows:
        connection.execute(insert(word_table), rows)


def having_all(words: Collection[str]) -> Select[Any]:
    """Documents that have all these words, by `document`."""
    found = select(word_table.c.document).where(word_table.c.word.in_(sorted(words)))
    return found.group_by(word_table.c.case, word_table.c.document).having(func.count() == len(words))


def forget(connection: Connection, table: Table, column: str, values: Collection[str]) -> None:
    for some in pieces(sorted(values)):
        connection.execute(delete(table).where(table.c[column].in_(some)))
