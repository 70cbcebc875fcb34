"""A judge with everything in memory: events as rows, rules as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from core.alert import Alert
from core.canonical import content_id
from core.directory import Directory
from core.person import Filing, Link, Person
from core.ports import EventQuery, Mark
from core.schema import SCHEMA, conform
from core.totals import whole
from detection.bench import Bench
from detection.derive import Surroundings
from detection.judge import judge
from detection.rulebook import RuleBook
from detection.tagging import Tagger
from store.frames import totalled

SURROUNDINGS = Surroundings(company_domains=frozenset({"example.com"}))
EXPORT = """
title: Exported
name: exported
logsource: {product: leaverwatch}
detection: {s: {event.action: export}, condition: s}
level: informational
"""


def window(name: str, kind: str, limit: str, more: str = "") -> str:
    return f"""
title: {name}
name: {name}
correlation: {{type: {kind}, rules: [exported], group-by: [person.id], timespan: 1d, condition: {limit}}}
level: high
{more}
"""


def book(*texts: str) -> RuleBook:
    return RuleBook.of({f"{number}.yml": text for number, text in enumerate(texts)})


def frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Events of li.na, ids by position, unless a row says otherwise."""
    defaults = {"user.account": "mail:li.na@example.com", "event.action": "export"}
    whole = [{"event.id": content_id(str(number)), **defaults, **row} for number, row in enumerate(rows)]
    names = {name for row in whole for name in row}
    return conform(pl.DataFrame(whole, schema={name: dtype for name, dtype in SCHEMA.items() if name in names}))


def at(text: str) -> datetime:
    """A moment in Shanghai time."""
    return datetime.fromisoformat(f"2026-03-{text}+08:00").astimezone(UTC)


class Reader:
    """Events in one frame, narrowed as a store narrows them."""

    def __init__(self, events: pl.DataFrame) -> None:
        self.events = events
        self.queries: list[EventQuery] = []

    def _asked(self, query: EventQuery) -> pl.DataFrame:
        accounts = query.accounts
        wanted = pl.lit(True) if accounts is None else pl.col("user.account").is_in(list(accounts))
        if query.start and query.end:
            wanted &= pl.col("@timestamp").is_between(query.start, query.end, closed="left")
        tagged = pl.col("rule.matched").list.set_intersection(list(query.tagged or ())).list.len() > 0
        return self.events.filter(wanted & tagged.fill_null(False))

    def read(self, query: EventQuery) -> pl.DataFrame:
        self.queries.append(query)
        return self._asked(query).select(query.columns or list(SCHEMA)).sort("@timestamp", "event.id")

    def totals(
        self,
        query: EventQuery,
        by: Sequence[str],
        zone: str = "UTC",
        sums: Sequence[str] = (),
        *,
        times: bool = False,
    ) -> pl.DataFrame:
        return whole(
            [totalled(query, by, zone, sums, times=times)(self.events.lazy()).collect()], by, sums, times=times
        )


def directory(events: pl.DataFrame, filings: Sequence[Filing] = (), extra: Sequence[str] = ()) -> Directory:
    accounts = dict.fromkeys([*events["user.account"].unique().to_list(), *extra], ())
    persons = [Person(id=name, name=name, email=f"{name}@example.com") for name in ("li.na", "wang.wei")]
    links = [Link(account=f"mail:{person.email}", person=person.id) for person in persons]
    return Directory(persons, links, filings, accounts, SURROUNDINGS.calendar)


def alerts(
    rules: RuleBook,
    rows: Sequence[Mapping[str, Any]],
    filings: Sequence[Filing] = (),
    days: tuple[date, date] | None = None,
) -> list[Alert]:
    """What the judge raises about these events."""
    events = Tagger(rules, SURROUNDINGS).tag(frame(rows))
    first, last = days or (date(1971, 1, 1), date(9998, 12, 31))
    marks = [Mark(subject=account, first=first, last=last) for account in events["user.account"].unique().sort()]
    bench = Bench(store=Reader(events), directory=directory(events, filings), book=rules, surroundings=SURROUNDINGS)
    judged = judge(marks, bench)
    return sorted((a for one in judged for a in one.alerts), key=lambda a: (a.day, a.rule, a.person))
