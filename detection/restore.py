"""What to bring back after a destruction: every object of the alert's day that is still gone, read from the store."""

from __future__ import annotations

import polars as pl

from core.alert import Alert
from core.errors import Refused
from core.ports import EventQuery
from core.schema import SCHEMA
from detection.behaviours.base import Scene
from detection.behaviours.destruction import OBJECT, Destruction
from detection.bench import Bench, Everybody, joined
from detection.holding import happening
from detection.rule import Rule
from detection.seen import Seen
from detection.windows import TIME

COLUMNS = ("event.id", "event.module", "user.account", "rule.matched", "email.to.domain", "data.records", *OBJECT)
SIZE = "file.size"


def restore_list(alert: Alert, bench: Bench) -> pl.DataFrame:
    """Columns time, system, object, records; in order of time. An object is null where a bulk deletion named none.
    Raises `Refused` where the alert is about no destruction."""
    rule = bench.book.rules.get(alert.rule)
    if rule is None or not isinstance(rule.behaviour, Destruction):
        raise Refused(f"alert {alert.id} is about no destruction")
    calendar = bench.directory.calendar
    query = EventQuery(
        start=calendar.start_of(alert.day),
        end=calendar.end_of(alert.day),
        accounts=bench.directory.accounts_of([f"person:{alert.person}"]),
        tagged=rule.leaves,
        columns=(TIME, SIZE, *COLUMNS, *_others(bench, rule)),
    )
    seen = Seen(joined(bench.store.read(query), bench), bench.book.rules, happening)
    gone = rule.behaviour.gone_on(Scene(hits=seen.hits(rule), calendar=calendar, company=Everybody(bench)))
    return (
        gone.filter((pl.col("person.id") == alert.person) & ~pl.col("final"))
        .select(
            pl.col(TIME).alias("time"),
            pl.col("event.module").alias("system"),
            pl.coalesce(OBJECT).alias("object"),
            pl.col("data.records").alias("records"),
        )
        .sort("time", "object", nulls_last=True)
    )


def _others(bench: Bench, rule: Rule) -> list[str]:
    """Stored fields that the conditions of the rule's bases need once more."""
    asked = {field for name in rule.leaves for field in bench.book.rules[name].fields}
    return sorted((asked & SCHEMA.keys()) - {*COLUMNS, SIZE, TIME})
