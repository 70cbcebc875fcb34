"""Small events, lines and bad records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from core.alert import Alert, Severity, Term, alert_id
from core.batch import FRAGMENT, Batch, Quarantined
from core.canonical import content_id
from core.ports import EventQuery, EventReader
from core.schema import SCHEMA, conform

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def an_event(number: int, **fields: Any) -> dict[str, Any]:
    """One event, a minute after the one before it."""
    made = {
        "@timestamp": START + timedelta(minutes=number),
        "event.id": content_id("event", str(number)),
        "event.action": "export",
        "event.original": f'{{"number": {number}}}',
        "event.sequence": number,
        "user.account": f"login:{'abc'[number % 3]}",
    }
    return made | {name.replace("__", "."): value for name, value in fields.items()}


def frame(events: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return conform(pl.DataFrame(events, schema_overrides=SCHEMA, infer_schema_length=None))


def a_batch(events: Sequence[dict[str, Any]] = (), *, source: str = "crm", **rest: Any) -> Batch:
    made = frame(events) if events else conform(pl.DataFrame())
    return Batch(**{"source": source, "read": len(events), "events": made, "rules_version": "1"} | rest)


def batch_of(*numbers: int, **rest: Any) -> Batch:
    return a_batch([an_event(number) for number in numbers], **rest)


def a_line(number: int, key: str, kind: str = "delivery") -> dict[str, Any]:
    return {
        "event.id": content_id("line", str(number)),
        "@timestamp": START + timedelta(minutes=number),
        "source": "postfix",
        "key": key,
        "kind": kind,
        "event.sequence": number,
        "log.file.path": "mail.log",
        "event.original": f"line {number}",
        "fields": "{}",
    }


def lines(*rows: dict[str, Any]) -> Batch:
    made = pl.DataFrame(list(rows), schema=FRAGMENT)
    return Batch(source="postfix", read=len(rows), fragments=made)


def bad(number: int, source: str = "crm") -> Quarantined:
    original = b"\xff\x00%d" % number
    return Quarantined(
        id=content_id("bad", str(number)),
        source=source,
        file="a.csv",
        sequence=number,
        reason="not UTF-8",
        original=original,
        context="ID,NAME",
    )


def an_alert(person: str, day: int, rule: str = "mass_export", score: float = 40.0) -> Alert:
    on = date(2026, 3, day)
    return Alert(
        id=alert_id(rule, person, on),
        rule=rule,
        person=person,
        day=on,
        time=datetime(2026, 3, day, 9, tzinfo=UTC),
        severity=Severity.HIGH,
        score=score,
        terms=(Term(name="rule", points=score, observed=12_000, limit=10_000), Term(name="stage", points=0.0)),
        facts={"records": 12_000, "domain": "邮箱.example", "share": 0.25},
        events=("a" * 32, "b" * 32),
        stage="notice",
    )


def per_account(store: EventReader, query: EventQuery | None = None) -> dict[str, int]:
    """How many events each account has."""
    return dict(store.totals(query or EventQuery(), ["user.account"]).drop_nulls().iter_rows())
