"""What a judgement is made with, and how it reads events: tagged ones, with everything joined."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

from core.condition import Any, Is
from core.directory import NEVER, Directory
from core.model import ModelFinding
from core.ports import EventQuery, EventReader, FindingReader
from core.schema import BY_NAME, SCHEMA
from detection.behaviours.company import Notice, Usual
from detection.candidates import needed
from detection.departing import Finding, guesses
from detection.derive import Surroundings, derive
from detection.evidence import FACT_FIELDS
from detection.exceptions import COLUMNS as COMPARED
from detection.exceptions import Grounds, with_approvals
from detection.machines import DOMAIN, OURS, Domains, with_company
from detection.peers import LEAST, daily_usual
from detection.rule import Rule
from detection.rulebook import RuleBook
from detection.seen import ORDER
from detection.unusual import as_events, findings_of, of_models
from detection.windows import STAGE_THEN

FIRST_DAY, LAST_DAY = date(1971, 1, 1), date(9998, 12, 31)
BASE_COLUMNS = ("@timestamp", "event.id", "user.account", "rule.matched", "email.to.domain", *FACT_FIELDS)
A_WEEK = 5
VALUES_AT_ONCE = 200
Span = tuple[str, date, date]


class NoFindings:
    """Adapter of `core.ports.FindingReader` where no model judges."""

    def champions_findings(self, persons: Collection[str], first: date, last: date) -> Sequence[ModelFinding]:  # noqa: ARG002
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a judgement is made with: for one turn, for what it knows of the store it does not ask again."""

    store: EventReader
    directory: Directory
    book: RuleBook
    surroundings: Surroundings
    grounds: Grounds = field(default_factory=Grounds)
    posts: Mapping[str, float] = field(default_factory=dict)
    findings: FindingReader = field(default_factory=NoFindings)
    departing: Mapping[str, Sequence[Finding]] = field(default_factory=dict, repr=False)
    """Recorded findings by person that make the stage `pre_departure`."""
    known_days: dict[tuple[frozenset[str], date, date], frozenset[date]] = field(default_factory=dict, repr=False)
    """On which days rules tagged anything of anybody: every group of persons asks."""
    domains: Domains = field(default_factory=dict, repr=False)


def bearing(group: Sequence[Span], bench: Bench, reach: int) -> EventQuery:
    """Asks for the events that bear on the days of a group."""
    calendar = bench.directory.calendar
    first = min(first for _, first, _ in group) - timedelta(days=reach)
    return EventQuery(
        start=calendar.start_of(max(FIRST_DAY, first)),
        end=calendar.end_of(max(last for _, _, last in group)),
    )


def looked_at(names: set[str], accounts: frozenset[str], bench: Bench) -> Iterator[tuple[set[str], frozenset[str]]]:
    """Which tags of which accounts: those of rules on leavers only of leavers."""
    leavers = {name for name in names if bench.book.rules[name].leavers_only}
    yield names - leavers, accounts
    if leavers and (gone := accounts & bench.directory.leaver_accounts()):
        yield leavers, gone


def read(group: Sequence[Span], bench: Bench, rules: Sequence[Rule], *, whole: bool) -> pl.DataFrame:
    """The tagged events that bear on the group's days, with everything joined, sorted by `ORDER`."""
    names = needed(rules)
    asked = [*rules, *(bench.book.rules[name] for name in sorted(names))]
    between = bearing(group, bench, max(rule.reach if whole else rule.window for rule in asked))
    accounts = bench.directory.accounts_of([f"person:{person}" for person, _, _ in group])
    wanted = columns(asked, bench.grounds)
    stored = names - of_models(bench.book)
    frames = [
        bench.store.read(replace(between, accounts=of, tagged=tagged, columns=wanted))
        for tagged, of in looked_at(stored, accounts, bench)
        if tagged
    ]
    events = pl.concat(frames).unique("event.id") if len(frames) > 1 else (frames or [nothing(wanted)])[0]
    found = as_events(findings_of(group, bench), names & of_models(bench.book), bench)
    return joined(events, bench, found)


def nothing(wanted: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(schema={name: SCHEMA[name] for name in wanted})


def joined(events: pl.DataFrame, bench: Bench, found: pl.DataFrame | None = None) -> pl.DataFrame:
    """The events with everything joined, `day` and the approvals that cover them, sorted by `ORDER`; with them what
    models `found`, as events."""
    rows = bench.directory.join(derive(events, bench.surroundings))
    if found is not None and found.height:
        rows = pl.concat([rows, found], how="diagonal")
    if bench.grounds:
        rows = with_approvals(rows, bench.grounds)
    day = bench.directory.calendar.day_expr().alias("day")
    rows = rows.sort(ORDER).with_columns(day, pl.col("leaver.stage").alias(STAGE_THEN))
    return with_company(rows, bench.store, bench.directory.calendar, bench.domains) if DOMAIN in rows.columns else rows


def columns(rules: Sequence[Rule], grounds: Grounds) -> tuple[str, ...]:
    """The stored columns that these rules, and what speaks for a person, are about."""
    asked = {
        name
        for rule in rules
        if rule.correlation or rule.behaviour or rule.exact is not None or rule.extra.first_seen
        for name in (*rule.fields, *([rule.extra.first_seen.field] if rule.extra.first_seen else []))
    }
    asked |= {DOMAIN} if OURS in asked else set()
    more = COMPARED if grounds else ()
    return tuple(dict.fromkeys([*BASE_COLUMNS, *more, *sorted(asked & SCHEMA.keys() & BY_NAME.keys())]))


@dataclass(frozen=True, slots=True)
class Everybody:
    """Adapter of `detection.behaviours.company.Company`."""

    bench: Bench

    def distinct(self, rules: Collection[str], field: str, first: date, last: date) -> int:
        return self.bench.store.totals(self._asked(rules, first, last), [field])[field].drop_nulls().n_unique()

    def days(self, rules: Collection[str], first: date, last: date) -> frozenset[date]:
        asked = (frozenset(rules), first, last)
        if asked not in self.bench.known_days:
            zone = self.bench.directory.calendar.zone
            found = self.bench.store.totals(self._asked(rules, first, last), ["day"], zone)["day"]
            self.bench.known_days[asked] = frozenset(found)
        return self.bench.known_days[asked]

    def usual(self, person: str, rules: Collection[str], field: str | None, first: date, last: date) -> Usual | None:
        directory = self.bench.directory
        peers = directory.peers_of(person)
        if len(peers) < LEAST:
            return None
        heard = self.days(rules, first, last)
        known = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        days = sum(map(directory.calendar.is_working_day, (day for day in known if day >= min(heard, default=last))))
        if days < A_WEEK:
            return None
        return daily_usual(peers, field, days, self._asked(rules, first, last), self.bench.store, directory)

    def notices(self, person: str) -> Sequence[Notice]:
        filings = [*self.bench.directory.filings_of(person)]
        ends = [*(filing.filed for filing in filings[1:]), NEVER]
        notices = [
            Notice(filing.filed, until, filing.last_day)
            for filing, until in zip(filings, ends, strict=False)
            if not filing.withdrawn
        ]
        return [*notices, *guesses(self.bench.departing.get(person, ()), filings)]

    def takers(
        self, rules: Collection[str], field: str, values: Sequence[str], first: date, last: date
    ) -> Mapping[str, Sequence[tuple[str, date]]]:
        directory, asked = self.bench.directory, self._asked(rules, first, last)
        found: dict[str, list[tuple[str, date]]] = {}
        for start in range(0, len(values), VALUES_AT_ONCE):
            some = Any(tuple(Is(field, value) for value in values[start : start + VALUES_AT_ONCE]))
            by = [field, "user.account", "day"]
            totals = self.bench.store.totals(replace(asked, condition=some), by, directory.calendar.zone, times=True)
            known = totals.filter(pl.col(field).is_not_null(), pl.col("user.account").is_not_null())
            rows = directory.join(known.rename({"since": "@timestamp"})).select(field, "person.id", "day")
            for value, person, day in rows.iter_rows():
                found.setdefault(value, []).append((person, day))
        return found

    def _asked(self, rules: Collection[str], first: date, last: date) -> EventQuery:
        calendar = self.bench.directory.calendar
        return EventQuery(start=calendar.start_of(first), end=calendar.end_of(last), tagged=rules)
