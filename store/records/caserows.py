"""Cases as rows of the records database, and whom they are about."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict

from sqlalchemy import Connection, delete, select

from core.case import Case, CaseState
from store.records.alertrows import as_json
from store.records.database import Row, pieces
from store.records.standingtables import case_persons
from store.records.tables import alerts


def case_of(row: Row) -> Case:
    lists = {name: tuple(json.loads(row[name])) for name in ("alerts", "scores")}
    return Case(**row | lists | {"state": CaseState(row["state"])})


def case_row(case: Case) -> Row:
    lists = {"alerts": as_json(list(case.alerts)), "scores": as_json(list(case.scores))}
    return asdict(case) | lists | {"state": case.state.value}


def note_persons(connection: Connection, cases: Collection[Case], gone: Collection[str] = ()) -> None:
    """Whoever writes cases, or takes some away, says so here in the same transaction, once their alerts are written:
    a case is about its person and whoever else has alerts in it."""
    for some in pieces(sorted({*gone, *(case.id for case in cases)})):
        connection.execute(delete(case_persons).where(case_persons.c.case.in_(some)))
    persons = _persons_of(connection, {one for case in cases for one in case.alerts})
    rows = [
        {"case": case.id, "person": person}
        for case in cases
        for person in sorted({case.person, *(persons[one] for one in case.alerts if one in persons)})
    ]
    for some_rows in pieces(rows):
        connection.execute(case_persons.insert(), list(some_rows))


def _persons_of(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in pieces(sorted(ids)):
        rows = connection.execute(select(alerts.c.id, alerts.c.person).where(alerts.c.id.in_(some))).all()
        found |= {row.id: row.person for row in rows}
    return found
