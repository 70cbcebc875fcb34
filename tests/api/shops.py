"""What the tests of the API share: two events of 李娜, and doors that know one caller."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from fastapi import Request

from core.access import Caller, Permission, Role
from core.canonical import content_id
from core.pseudonyms import Pseudonyms
from core.schema import SCHEMA, conform
from detection.derive import Surroundings
from detection.rulebook import RuleBook

BOOK = RuleBook.load()
AROUND = Surroundings()
NAMES = Pseudonyms(b"key")
MOMENT = datetime(2026, 3, 2, 3, tzinfo=UTC)


def exported() -> pl.DataFrame:
    row = {
        "event.id": content_id("one"),
        "@timestamp": MOMENT,
        "event.action": "export",
        "event.module": "salesforce",
        "event.dataset": "salesforce.report",
        "user.account": "mail:li.na@example.com",
        "data.records": 20_000,
        "event.original": "<script>alert(1)</script>",
    }
    return conform(pl.DataFrame([row], schema={name: SCHEMA[name] for name in row}))


def weeks_before() -> pl.DataFrame:
    """What makes the log old enough to tell what is usual."""
    return exported().with_columns(
        pl.lit(content_id("old")).alias("event.id"),
        (pl.col("@timestamp") - timedelta(days=40)).alias("@timestamp"),
        pl.lit(1, pl.Int64).alias("data.records"),
        pl.lit("{}").alias("event.original"),
    )


class Knows:
    """A door that knows one caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def caller(self, request: Request) -> Caller:
        return self._caller


EVERYTHING = Caller(name="api", roles=frozenset(Role), permissions=frozenset(Permission))
