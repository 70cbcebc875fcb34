"""What happened, in order, for whoever wants to be told."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from core.alert import Severity
from core.case import Case
from core.happening import Happening, Kind
from store.records.database import WRITERS, Database, Row
from store.records.tables import happenings


class HappeningRecords:
    """Adapter of `core.happening.Happenings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def happen(self, happenings: Sequence[Happening]) -> None:
        with self._database.writing(alone=False) as connection:
            happen_in(connection, happenings)

    def happened(self, after: int, most: int, kinds: Collection[Kind] | None = None) -> Sequence[Happening]:
        query = select(happenings).where(happenings.c.number > after).order_by(happenings.c.number).limit(most)
        if kinds is not None:
            query = query.where(happenings.c.kind.in_(sorted(kinds)))
        with self._database.reading() as connection:
            return [_happening(dict(row)) for row in connection.execute(query).mappings()]

    def last_happening(self) -> int:
        with self._database.reading() as connection:
            found: int | None = connection.execute(select(func.max(happenings.c.number))).scalar()
        return -1 if found is None else found

    def forget_happenings(self, before: datetime) -> None:
        with self._database.writing(alone=False) as connection:
            # The newest stays, so that numbers never begin again.
            newest = select(func.max(happenings.c.number)).scalar_subquery()
            connection.execute(delete(happenings).where(happenings.c.at < before, happenings.c.number < newest))


def happen_in(connection: Connection, new: Sequence[Happening]) -> None:
    """Add some in whatever transaction, as the last thing it does. Writers take turns from here until theirs ends, so
    that a reader never finds something earlier after something later."""
    if not new:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("happenings", WRITERS))))
    number: int | None = connection.execute(select(func.max(happenings.c.number))).scalar()
    first = 0 if number is None else number + 1
    connection.execute(insert(happenings), [_row(one, first + place) for place, one in enumerate(new)])


def alert_happening(alert: Row, kind: Kind, at: datetime) -> Happening:
    """What has become of an alert, given as its row."""
    details = {"rule": alert["rule"], "score": alert["score"]}
    return Happening(
        at=at, kind=kind, subject=alert["id"], person=alert["person"], severity=alert["severity"], details=details
    )


def case_opened(case: Case, alerts: Mapping[str, Row], at: datetime) -> Happening:
    """A case that was not there before, with the rows of those of its alerts that came with it."""
    severities = [Severity(alerts[one]["severity"]) for one in case.alerts if one in alerts]
    highest = max(severities, key=list(Severity).index, default=None)
    details = {"score": case.score, "alerts": len(case.alerts)}
    severity = highest.value if highest else ""
    return Happening(
        at=at, kind=Kind.CASE_OPENED, subject=case.id, person=case.person, severity=severity, details=details
    )


def _row(one: Happening, number: int) -> Row:
    texts = {"to": json.dumps(list(one.to)), "details": json.dumps(dict(one.details), ensure_ascii=False)}
    return asdict(one) | texts | {"number": number, "kind": one.kind.value}


def _happening(row: Row) -> Happening:
    texts = {"to": tuple(json.loads(row["to"])), "details": json.loads(row["details"])}
    return Happening(**{**row, **texts, "kind": Kind(row["kind"])})
