"""Alerts as rows of the records database."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime

from core.alert import Alert, Outcome, Severity, Term
from core.model import drivers_of
from store.records.database import Row


def alert_of(row: Row) -> Alert:
    return Alert(
        id=row["id"],
        rule=row["rule"],
        person=row["person"],
        day=row["day"],
        time=row["time"],
        severity=Severity(row["severity"]),
        score=row["score"],
        stage=row["stage"],
        terms=tuple(term_of(term) for term in json.loads(row["terms"])),
        facts=json.loads(row["facts"]),
        events=tuple(json.loads(row["events"])),
        outcome=Outcome(row["outcome"]),
        grounds=tuple(json.loads(row["grounds"])),
        why=row["why"],
    )


def alert_row(alert: Alert) -> Row:
    return {
        "id": alert.id,
        "rule": alert.rule,
        "person": alert.person,
        "day": alert.day,
        "time": alert.time,
        "severity": alert.severity.value,
        "score": alert.score,
        "stage": alert.stage,
        "terms": as_json([term_values(term) for term in alert.terms]),
        "facts": as_json(dict(alert.facts)),
        "events": as_json(list(alert.events)),
        "outcome": alert.outcome.value,
        "grounds": as_json(list(alert.grounds)),
        "why": alert.why,
    }


def digest_of(alert: Alert) -> str:
    """Another one where another thing was found; what became of it is not asked."""
    row = alert_row(alert)
    del row["outcome"]
    return hashlib.sha256(as_json({**row, "day": str(alert.day), "time": str(alert.time)}).encode()).hexdigest()


def term_of(values: Row) -> Term:
    since = values.get("since")
    drivers = drivers_of(values.get("drivers", ()))
    return Term(**values | {"since": since and datetime.fromisoformat(since), "drivers": drivers})


def term_values(term: Term) -> Row:
    """What a term says, without what it does not."""
    values = {name: value for name, value in asdict(term).items() if value not in (None, ())}
    return values | ({"since": term.since.astimezone(UTC).isoformat()} if term.since else {})


def as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
