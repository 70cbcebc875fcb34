"""The tests that stand inside the rules: events in, persons matched out, through the same judge as everything else."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.alert import Alert, Match
from core.canonical import content_id
from core.directory import Directory
from core.errors import RuleError
from core.model import Driver, ModelFinding, Vote
from core.person import Filing, Link, Person
from core.ports import EventQuery
from core.schema import SCHEMA, conform
from detection.bench import Bench
from detection.departing import UNTIL
from detection.derive import Surroundings
from detection.judge import alerts_of
from detection.rulebook import RuleBook
from detection.rulefiles import texts_at
from detection.tagging import Tagger

MONDAY = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
"""When the first event of a test happens, unless it says; each next one comes a minute later, repeats a second."""
DOMAIN = "example.com"
SURROUNDINGS = Surroundings(company_domains=frozenset({DOMAIN}))
ALL_DAYS = (date(1971, 1, 1), date(9998, 12, 31))


class Told(BaseModel):
    """What a model found in a test: of whom, on which day, one in how many by each detector and by all."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    person: str = Field(alias="person.id")
    day: date = MONDAY.date()
    one_in: float = Field(ge=1, allow_inf_nan=False)
    votes: dict[str, float] = {}
    drivers: list[dict[str, Any]] = []

    def finding(self) -> ModelFinding:
        """What it would be in the records. Raises `TypeError` where a driver is none."""
        drivers = tuple(Driver(**{**one, "actions": tuple(one.get("actions", ()))}) for one in self.drivers)
        asked = self.votes or {"own": self.one_in}
        votes = tuple(Vote(detector=name, one_in=one_in, drivers=drivers) for name, one_in in sorted(asked.items()))
        return ModelFinding(person=self.person, day=self.day, one_in=self.one_in, votes=votes)


class RuleTest(BaseModel):
    """One test: events, what a model found, what HR filed (`person`, `filed`, `last_day`, `withdrawn`), who was at the
    stage `pre_departure` (`person`, `since`, `until`), facts of persons, who is matched.

    An event is fields and values; `person.id` names the person, `@timestamp` may be left out, `repeat: N` stands for N
    events, in whose texts `{n}` counts from 0: a second apart, or on N days with `daily: true`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    events: list[dict[str, Any]] = []
    findings: list[Told] = []
    filings: list[dict[str, Any]] = []
    departing: list[dict[str, Any]] = []
    persons: dict[str, dict[str, Any]] = {}
    matches: list[str]


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one test."""

    rule: str
    test: str
    passed: bool
    detail: str


def run(book: RuleBook, files: Sequence[Path] | None = None) -> list[Result]:
    """Run the tests of all rules, or those of the rules in `files` beside ours."""
    names = set(book.rules)
    if files:
        texts = {name: text for path in files for name, text in texts_at(path).items()}
        book = book.with_texts(texts)
        names = book.names_in(texts)
    return [_run_one(book, name, raw) for name in sorted(names) for raw in book.rules[name].extra.tests]


def _run_one(book: RuleBook, name: str, raw: Mapping[str, Any]) -> Result:
    try:
        test = RuleTest.model_validate(raw)
        found = matched(book, name, test)
    except ValidationError as error:
        first = error.errors()[0]
        return Result(name, str(raw.get("name", "?")), False, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except (RuleError, ValueError, TypeError, pl.exceptions.PolarsError) as error:
        return Result(name, test.name, False, str(error))
    wanted = sorted(test.matches)
    return Result(name, test.name, found == wanted, "" if found == wanted else f"matched {found}, expected {wanted}")


def matched(book: RuleBook, name: str, test: RuleTest) -> list[str]:
    """The persons that the rule matches in a test, each once."""
    return sorted({alert.person for alert in raised(book, name, test)})


def raised(book: RuleBook, name: str, test: RuleTest) -> list[Alert]:
    """The alerts that the rule raises in a test."""
    book = only(book, name)
    events, directory = told(book, test)
    bench = Bench(
        store=_OneFrame(events),
        directory=directory,
        book=book,
        surroundings=SURROUNDINGS,
        findings=Found.of(test),
        departing=departing(test),
    )
    persons = sorted({str(event["person.id"]) for event in test.events} | {told.person for told in test.findings})
    return alerts_of([(person, *ALL_DAYS) for person in persons], bench, [book.rules[name].aloud()])


def departing(test: RuleTest) -> dict[str, list[Match]]:
    """What would be recorded of those who are about to leave."""
    return {str(one["person"]): [_departing(one)] for one in test.departing}


def _departing(given: Mapping[str, Any]) -> Match:
    since, until = (_moment(given[name], MONDAY) for name in ("since", "until"))
    return Match(
        rule="", person=str(given["person"]), day=since.date(), time=since, facts={UNTIL: until.isoformat()}, events=()
    )


def told(book: RuleBook, test: RuleTest) -> tuple[pl.DataFrame, Directory]:
    """The tagged events of a test, and whose they are."""
    given = list(_repeated(test.events))
    events = _frame(given)
    directory = _directory(test, events, [str(event["person.id"]) for event in given])
    return Tagger(book, SURROUNDINGS).tag(events), directory


def only(book: RuleBook, name: str) -> RuleBook:
    """The one rule with what it builds on: what others say does not bear on its tests."""
    return replace(book, rules={known: book.rules[known] for known in sorted(_built_on(book, name))})


def _built_on(book: RuleBook, name: str) -> set[str]:
    return {name}.union(*(_built_on(book, base) for base in book.rules[name].builds_on))


def _repeated(events: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, event in enumerate(events):
        start = _moment(event.get("@timestamp"), MONDAY + timedelta(minutes=number))
        apart = timedelta(days=1) if event.get("daily") else timedelta(seconds=1)
        for count in range(int(event.get("repeat", 1))):
            named = {
                field: value.replace("{n}", str(count)) if isinstance(value, str) else value
                for field, value in event.items()
                if field not in ("repeat", "daily")
            }
            yield named | {"@timestamp": start + count * apart}


def _frame(events: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    rows = []
    for number, given in enumerate(events):
        row = {field: value for field, value in given.items() if not field.startswith("person.")}
        row.setdefault("user.account", f"mail:{given['person.id']}@{DOMAIN}")
        if "email.to.address" in row:
            row.setdefault("email.to.domain", str(row["email.to.address"]).rpartition("@")[2])
        if unknown := row.keys() - SCHEMA.keys():
            raise RuleError(f"there is no stored field {sorted(unknown)[0]}")
        rows.append(row | {"event.id": content_id("test", str(number))})
    return conform(pl.DataFrame(rows, schema_overrides={k: v for k, v in SCHEMA.items() if any(k in r for r in rows)}))


def _directory(test: RuleTest, events: pl.DataFrame, owners: Sequence[str]) -> Directory:
    accounts = dict(zip(events["user.account"], owners, strict=True))
    accounts |= {f"mail:{told.person}@{DOMAIN}": told.person for told in test.findings}
    persons = [
        replace(Person(id=person, name=person, email=f"{person}@{DOMAIN}"), **test.persons.get(person, {}))
        for person in dict.fromkeys(accounts.values())
    ]
    filings = [
        Filing(
            account=f"employee:{filing['person']}",
            filed=_moment(filing["filed"], MONDAY),
            last_day=None if filing.get("last_day") is None else date.fromisoformat(str(filing["last_day"])),
            withdrawn=bool(filing.get("withdrawn", False)),
        )
        for filing in test.filings
    ]
    links = [Link(account=account, person=person) for account, person in accounts.items()]
    links += [Link(account=f"employee:{person.id}", person=person.id) for person in persons]
    return Directory(persons, links, filings, dict.fromkeys(accounts, ()), SURROUNDINGS.calendar)


def _moment(value: object, otherwise: datetime) -> datetime:
    if value is None:
        return otherwise
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=MONDAY.tzinfo)


@dataclass(frozen=True, slots=True)
class Found:
    """What a model found in one test, as the judge reads it."""

    findings: Sequence[ModelFinding]

    @classmethod
    def of(cls, test: RuleTest) -> Self:
        return cls([told.finding() for told in test.findings])

    def champions_findings(self, persons: Collection[str], first: date, last: date) -> Sequence[ModelFinding]:
        return [one for one in self.findings if one.person in persons and first <= one.day <= last]


class _OneFrame:
    """The events of one test, as the judge reads them."""

    def __init__(self, events: pl.DataFrame) -> None:
        self._events = events

    def read(self, query: EventQuery) -> pl.DataFrame:
        return self._between(query).select(query.columns or list(SCHEMA)).sort("@timestamp", "event.id")

    def totals(
        self,
        query: EventQuery,
        by: Sequence[str],
        zone: str = "UTC",
        sums: Sequence[str] = (),
        *,
        times: bool = False,
    ) -> pl.DataFrame:
        day = pl.col("@timestamp").dt.convert_time_zone(zone).dt.date().alias("day")
        asked = self._between(query).with_columns(day)
        if query.tagged is not None:
            asked = asked.filter(pl.col("rule.matched").list.set_intersection(list(query.tagged)).list.len() > 0)
        moments = [pl.col("@timestamp").min().alias("since"), pl.col("@timestamp").max().alias("until")]
        counts = [pl.len().alias("events"), *(pl.col(name).sum() for name in sums)]
        return asked.group_by(by).agg(*counts, *(moments if times else []))

    def _between(self, query: EventQuery) -> pl.DataFrame:
        wanted = pl.lit(True) if query.start is None else pl.col("@timestamp") >= query.start
        return self._events.filter(wanted if query.end is None else wanted & (pl.col("@timestamp") < query.end))
