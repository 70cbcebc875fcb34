"""Alerts and cases."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime

from sqlalchemy import ColumnElement, Connection, delete, select

from core.alert import Alert, Severity, Term
from core.case import Case, CaseState
from core.ports import Mark
from store.records.database import Database, Row, pieces, upsert
from store.records.marks import settle_marks
from store.records.tables import alerts, cases


class InboxRecords:
    """Adapter of `core.ports.Inbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def settle(
        self,
        marks: Sequence[Mark],
        judged: Collection[tuple[str, date, date]],
        new: Sequence[Alert],
        open_cases: Sequence[Case],
    ) -> None:
        with self._database.writing() as connection:
            detected = _detected(connection, [alert.id for alert in new])
            now = datetime.now(UTC)
            for person, first, last in judged:
                its = (alerts.c.person == person) & alerts.c.day.between(first, last)
                connection.execute(delete(alerts).where(its))
            upsert(connection, alerts, [_alert_row(a) | {"detected_at": detected.get(a.id, now)} for a in new])
            for some in pieces([person for person, _, _ in judged]):
                connection.execute(delete(cases).where(cases.c.person.in_(some), cases.c.state == CaseState.NEW.value))
            upsert(connection, cases, [_case_row(case) for case in open_cases])
            settle_marks(connection, marks)

    def alerts(
        self,
        *,
        persons: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[Alert]:
        where = [alerts.c.time >= since] if since else []
        where += [alerts.c.time < until] if until else []
        with self._database.reading() as connection:
            if persons is None:
                return _alerts(connection, *where)
            found = [
                a for some in pieces(sorted(persons)) for a in _alerts(connection, *where, alerts.c.person.in_(some))
            ]
        return sorted(found, key=lambda alert: (alert.time, alert.id))

    def alert(self, alert_id: str) -> Alert | None:
        with self._database.reading() as connection:
            return next(iter(_alerts(connection, alerts.c.id == alert_id)), None)

    def cases(self, *, persons: Collection[str] | None = None) -> Sequence[Case]:
        query = select(cases).order_by(cases.c.opened, cases.c.id)
        with self._database.reading() as connection:
            if persons is None:
                return [_case(dict(row)) for row in connection.execute(query).mappings()]
            rows = [
                dict(row)
                for some in pieces(sorted(persons))
                for row in connection.execute(query.where(cases.c.person.in_(some))).mappings()
            ]
        return sorted((_case(row) for row in rows), key=lambda case: (case.opened, case.id))

    def detected_at(self, alert_ids: Collection[str]) -> Mapping[str, datetime]:
        with self._database.reading() as connection:
            return _detected(connection, sorted(alert_ids))


def _detected(connection: Connection, ids: Sequence[str]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for some in pieces(ids):
        query = select(alerts.c.id, alerts.c.detected_at).where(alerts.c.id.in_(some))
        found |= {row.id: row.detected_at for row in connection.execute(query)}
    return found


def _alerts(connection: Connection, *where: ColumnElement[bool]) -> list[Alert]:
    query = select(alerts).where(*where).order_by(alerts.c.time, alerts.c.id)
    return [_alert(dict(row)) for row in connection.execute(query).mappings()]


def _alert(row: Row) -> Alert:
    return Alert(
        id=row["id"],
        rule=row["rule"],
        person=row["person"],
        day=row["day"],
        time=row["time"],
        severity=Severity(row["severity"]),
        score=row["score"],
        stage=row["stage"],
        terms=tuple(Term(**term) for term in json.loads(row["terms"])),
        facts=json.loads(row["facts"]),
        events=tuple(json.loads(row["events"])),
    )


def _alert_row(alert: Alert) -> Row:
    return {
        "id": alert.id,
        "rule": alert.rule,
        "person": alert.person,
        "day": alert.day,
        "time": alert.time,
        "severity": alert.severity.value,
        "score": alert.score,
        "stage": alert.stage,
        "terms": _json([asdict(term) for term in alert.terms]),
        "facts": _json(dict(alert.facts)),
        "events": _json(list(alert.events)),
    }


def _case(row: Row) -> Case:
    return Case(**row | {"state": CaseState(row["state"]), "alerts": tuple(json.loads(row["alerts"]))})


def _case_row(case: Case) -> Row:
    return asdict(case) | {"state": case.state.value, "alerts": _json(list(case.alerts))}


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
