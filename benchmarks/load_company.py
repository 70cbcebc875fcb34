"""What the load benchmark serves: a data directory of 10,000 people, 10M events, 1M alerts and 20,000 cases, written
by the stores' own writers without judging, kept between runs."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from app.config import load
from app.jobs import retag
from app.wiring import open_house
from benchmarks.store import COMPACT_EVERY, batches
from core.alert import Alert, Fact, Match, Outcome, alert_id
from core.calendar import CompanyCalendar
from core.case import Case, CaseState, case_id
from core.person import Filing, Link, Person, Stage
from detection.risk import ledger, sum_of
from detection.rule import Rule
from detection.rulebook import RuleBook
from detection.standing import bring_up
from store.records import SqlRecords
from store.records.alertrows import alert_row
from store.records.caserows import case_row
from store.records.database import add_missing, pieces
from store.records.standings import note_unranked
from store.records.tables import alerts as alert_table
from store.records.tables import cases as case_table
from store.records.triagerows import save_contents
from store.segments import SegmentStore

EVENTS_AT_ONCE = 100_000
NAMED = re.compile(r"{([a-z_]+)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is."""

    persons: int = 10_000
    events: int = 10_000_000
    alerts: int = 1_000_000
    cases: int = 20_000


def company(size: Size) -> Path:
    """The data directory, made where it is not there yet; then how long that took is printed."""
    name = f"leaverwatch-load-{size.persons}-{size.events}-{size.alerts}-{size.cases}"
    folder = Path(tempfile.gettempdir()) / name
    if not folder.exists():
        part = folder.with_name(f"{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        start = time.perf_counter()
        _make(part, size)
        part.rename(folder)
        print(f"made {size} in {time.perf_counter() - start:,.0f} s")
    return folder


def _make(folder: Path, size: Size) -> None:
    with (
        closing(SqlRecords(f"sqlite:///{folder / 'records.db'}")) as records,
        closing(SegmentStore(folder / "events", records)) as store,
    ):
        _hire(records, size.persons)
        draw = np.random.default_rng(7)
        judged = RuleBook.load().rules.values()
        rules = [rule for rule in judged if rule.alerts and rule.extra.message]
        left = size.alerts
        cut = -(-size.events // EVENTS_AT_ONCE)
        for number, batch in enumerate(batches(size.events, accounts=size.persons, at_once=EVENTS_AT_ONCE)):
            store.append(batch, [])
            wanted = left if number == cut - 1 else min(left, -(-size.alerts // cut) * 11 // 10)
            left -= _raise(records, [*_alerts(batch.events, rules, wanted, draw)]) if wanted else 0
            if number % COMPACT_EVERY == 0:
                store.compact()
        store.compact()
        _open(records, size.cases)
        bring_up(records)
    with open_house(load(folder)) as house:
        # Else the service would judge everybody, and these alerts would go.
        retag(house)
        house.records.settle(house.records.pending(), [], [], [])


def _hire(records: SqlRecords, count: int) -> None:
    """50 departments of 5 posts each; one person in 20 has resigned."""
    people = [
        Person(
            id=f"{number:05}",
            name=f"Person {number}",
            email=f"user{number}@corp.example",
            department=f"Department {number % 50}",
            title=f"Post {number // 50 % 5}",
            manager_email=f"user{number % 50}@corp.example",
            country="CN" if number % 3 else "DE",
        )
        for number in range(count)
    ]
    links = [Link(account=f"login:user{number}", person=f"{number:05}") for number in range(count)]
    records.save_persons(people, links)
    filed = datetime(2026, 5, 1, 2, tzinfo=UTC)
    records.save_filings(
        [
            Filing(account=f"login:user{number}", filed=filed, last_day=date(2026, 6, 15))
            for number in range(0, count, 20)
        ],
        180,
    )


def _alerts(events: pl.DataFrame, rules: Sequence[Rule], count: int, draw: np.random.Generator) -> Iterator[Alert]:
    """So many alerts at most, each of the events of one account on one day."""
    calendar = CompanyCalendar()
    days = (
        events.with_columns(calendar.day_expr().alias("day"))
        .group_by("user.account", "day", maintain_order=True)
        .agg(pl.col("event.id"), pl.col("@timestamp").min().alias("first"), pl.col("@timestamp").max().alias("time"))
    )
    per_day = -(-count // max(days.height, 1))
    rows = days.sample(min(days.height, -(-count // per_day)), seed=int(draw.integers(1 << 30)), shuffle=True)
    for row in rows.iter_rows(named=True):
        person = f"{int(row['user.account'].removeprefix('login:user')):05}"
        for place in draw.choice(len(rules), per_day, replace=False):
            span = (row["first"], row["time"])
            yield _alert(rules[place], person, row["day"], span, row["event.id"], int(draw.integers(2, 40)))


def _alert(
    rule: Rule, person: str, day: date, span: tuple[datetime, datetime], events: Sequence[str], over: int
) -> Alert:
    first, time = span
    message = rule.extra.message
    named = NAMED.findall(f"{message.en} {message.zh}") if message else []
    facts: dict[str, Fact] = dict.fromkeys(set(named) - {"person"}, "something")
    facts |= {"observed": 100 * over, "limit": 100, "own_usual": 12, "events": len(events)}
    facts |= {"first": first.isoformat(timespec="seconds"), "last": time.isoformat(timespec="seconds")}
    match = Match(rule=rule.name, person=person, day=day, time=time, facts=facts, events=events[:1000])
    stage = Stage.NOTICE if int(person) % 20 == 0 and day > date(2026, 5, 1) else Stage.ACTIVE
    terms = ledger(match, rule, stage)
    return Alert(
        id=alert_id(rule.name, person, day),
        rule=rule.name,
        person=person,
        day=day,
        time=time,
        severity=rule.level,
        score=sum_of(terms),
        terms=terms,
        facts=facts,
        events=match.events,
        stage=stage.value,
        outcome=Outcome.SUPPRESSED if over == 3 else Outcome.ALERT,
    )


def _raise(records: SqlRecords, alerts: Sequence[Alert]) -> int:
    """Write alerts; returns how many of them are new."""
    with records.database.writing() as connection:
        before = connection.exec_driver_sql("select count(*) from alerts").scalar_one()
        rows = [alert_row(alert) | {"detected_at": alert.time + timedelta(seconds=5)} for alert in alerts]
        for some in pieces(rows):
            add_missing(connection, alert_table, some)
        note_unranked(connection, [alert.person for alert in alerts])
        after = connection.exec_driver_sql("select count(*) from alerts").scalar_one()
        return int(after - before)


def _open(records: SqlRecords, count: int) -> None:
    """Cases of everybody who has alerts, the alerts divided among them; all but the last of each are decided."""
    persons = [person.id for person in records.persons()]
    each = -(-count // len(persons))
    for first in range(0, len(persons), 200):
        own: dict[str, list[Alert]] = {}
        for alert in records.alerts(persons=persons[first : first + 200]):
            own.setdefault(alert.person, []).append(alert)
        cases = [case for person, alerts in own.items() for case in _cases(person, alerts, each)]
        with records.database.writing() as connection:
            connection.execute(case_table.insert(), [case_row(case) for case in cases])
            save_contents(connection, cases)


def _cases(person: str, alerts: Sequence[Alert], count: int) -> Iterator[Case]:
    size = -(-len(alerts) // count)
    for number, first in enumerate(range(0, len(alerts), size)):
        some = alerts[first : first + size]
        decided = number < count - 1
        yield Case(
            id=case_id(person, number),
            person=person,
            number=number,
            state=CaseState.BENIGN if decided else CaseState.NEW,
            opened=some[0].time,
            score=max(alert.score for alert in some),
            alerts=tuple(alert.id for alert in some),
            scores=tuple(alert.score for alert in some),
            reason="as agreed" if decided else "",
            decided=some[-1].time if decided else None,
        )
