"""The judge: reads marked days back from the store and says what alerts they have. It remembers nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import polars as pl

from core.alert import Alert, Match, alert_id
from core.condition import Any, Is
from core.directory import Directory
from core.person import Filing, Stage
from core.ports import EventQuery, EventReader, Mark
from core.schema import BY_NAME, SCHEMA
from detection import behaviours
from detection.behaviours.joint import Joint
from detection.candidates import hits, needed
from detection.correlation import FACT_FIELDS, Past, findings
from detection.departing import UNTIL, stage_with
from detection.derive import Surroundings, derive
from detection.risk import ledger
from detection.rule import Rule
from detection.rulebook import RuleBook
from detection.windows import STAGE_THEN

PERSONS_AT_ONCE = 5_000
EVENTS_AT_ONCE = 200_000
VALUES_AT_ONCE = 200
FIRST_DAY, LAST_DAY = date(1971, 1, 1), date(9998, 12, 31)
BASE_COLUMNS = ("@timestamp", "event.id", "user.account", "rule.matched", "email.to.domain", *FACT_FIELDS)

Span = tuple[str, date, date]
Pasts = dict[int, Past]
"""What is known of the days before, for each way to look at them: as of their time, and knowing each notice."""
AS_OF = -1


@dataclass(slots=True)
class Beside:
    """Of places where judged persons were together with others: the others' alerts on the judged days, all that they
    have because of these places, and who was where."""

    alerts: list[Alert] = field(default_factory=list)
    places: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The alerts of some persons' days, whole: other alerts of these spans are no longer true. `marks` are settled.
    `beside` is what that means for others."""

    marks: Sequence[Mark]
    spans: Sequence[Span]
    alerts: Sequence[Alert]
    beside: Beside


@dataclass(slots=True)
class _Group:
    """Persons judged together, and how many tagged events they have."""

    spans: list[Span] = field(default_factory=list)
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a judgement is made with."""

    store: EventReader
    directory: Directory
    book: RuleBook
    surroundings: Surroundings


def judge(
    marks: Sequence[Mark], *, store: EventReader, directory: Directory, book: RuleBook, surroundings: Surroundings
) -> Iterator[Judged]:
    """Judge marked days, some persons at a time, so that memory stays bounded; those with the most events last, so that
    nobody waits for them. Every mark comes back once, with the last of its persons."""
    bench = Bench(store=store, directory=directory, book=book, surroundings=surroundings)
    spans, touched = _spans(marks, directory)
    last_group: dict[str, int] = {}
    groups = sorted(_groups(spans, bench), key=lambda group: group.events > EVENTS_AT_ONCE)
    for number, group in enumerate(groups):
        last_group |= dict.fromkeys((person for person, _, _ in group.spans), number)
    due: dict[int, list[Mark]] = {}
    for mark in marks:
        due.setdefault(max((last_group[p] for p in touched[mark.subject]), default=0), []).append(mark)
    for number, group in enumerate(groups or [_Group()]):
        beside = Beside()
        alerts = _alerts(group, bench, beside)
        yield Judged(marks=due.get(number, ()), spans=group.spans, alerts=alerts, beside=beside)


def persons_of(mark: Mark, directory: Directory) -> set[str]:
    """The persons a mark touches."""
    kind, _, name = mark.subject.partition(":")
    accounts = directory.accounts_of([mark.subject])
    persons = {person for account in accounts for person in directory.persons_of(account)}
    return persons | ({name} if kind == "person" else set())


def _spans(marks: Sequence[Mark], directory: Directory) -> tuple[dict[str, Span], dict[str, set[str]]]:
    """The days to judge of each person, and the persons each mark touches."""
    spans: dict[str, Span] = {}
    touched: dict[str, set[str]] = {}
    for mark in marks:
        first, last = max(mark.first, FIRST_DAY), min(mark.last, LAST_DAY)
        touched[mark.subject] = persons_of(mark, directory)
        for person in touched[mark.subject]:
            _, known_first, known_last = spans.get(person, (person, first, last))
            spans[person] = (person, min(first, known_first), max(last, known_last))
    return spans, touched


def _groups(spans: Mapping[str, Span], bench: Bench) -> Iterator[_Group]:
    """Persons whose events fit into memory together; whoever has more than fits is judged alone."""
    accounts = {person: bench.directory.accounts_of([f"person:{person}"]) for person in spans}
    counts: Counter[str] = Counter()
    for tagged, of in _looked_at(needed(bench.book.judged), frozenset().union(*accounts.values()), bench):
        counts.update(_per_account(EventQuery(accounts=of, tagged=tagged), bench))
    group = _Group()
    for person, span in sorted(spans.items()):
        own = sum(counts[account] for account in accounts[person])
        if group.spans and (group.events + own > EVENTS_AT_ONCE or len(group.spans) >= PERSONS_AT_ONCE):
            yield group
            group = _Group()
        group.spans.append(span)
        group.events += own
    if group.spans:
        yield group


def _per_account(query: EventQuery, bench: Bench) -> dict[str, int]:
    return dict(bench.store.totals(query, ["user.account"]).drop_nulls().iter_rows())


def _alerts(group: _Group, bench: Bench, beside: Beside) -> list[Alert]:
    """The alerts of a group; of a person with more events than fit, rule by rule and some days at a time."""
    if group.events <= EVENTS_AT_ONCE:
        return alerts_of(group.spans, bench, bench.book.judged, beside=beside)
    ((person, first, last),) = group.spans
    found: list[Alert] = []
    departing: list[Match] = []
    for rule in sorted(bench.book.judged, key=lambda rule: not isinstance(rule.behaviour, Joint)):
        pasts: Pasts = {}
        start = max(FIRST_DAY, first - timedelta(days=rule.reach))
        for days in _slices(person, start, last, bench, rule):
            found += alerts_of([(person, *days)], bench, [rule], pasts, beside, departing)
    return sorted((alert for alert in found if alert.day >= first), key=lambda alert: alert.id)


def _slices(person: str, first: date, last: date, bench: Bench, rule: Rule) -> Iterator[tuple[date, date]]:
    """Runs of days from first to last, without those of no event, whose events fit into memory; or of a single day."""
    calendar = bench.directory.calendar
    query = EventQuery(
        start=calendar.start_of(first),
        end=calendar.end_of(last),
        accounts=bench.directory.accounts_of([f"person:{person}"]),
        tagged=needed([rule]),
    )
    events = sum(_per_account(query, bench).values())
    if first == last or 0 < events <= EVENTS_AT_ONCE:
        yield first, last
    elif events:
        middle = first + (last - first) // 2
        yield from _slices(person, first, middle, bench, rule)
        yield from _slices(person, middle + timedelta(days=1), last, bench, rule)


def alerts_of(
    group: Sequence[Span],
    bench: Bench,
    rules: Sequence[Rule],
    pasts: Pasts | None = None,
    beside: Beside | None = None,
    departing: list[Match] | None = None,
) -> list[Alert]:
    """The alerts that these rules raise about some persons' days, ordered by id. With `pasts`, which earlier calls for
    the days before have filled, events of these are read only as far as windows reach. What other persons have because
    of these is added to `beside`, what makes somebody's stage `pre_departure` to `departing`."""
    if not group:
        return []
    events = _read(group, bench, rules, whole=pasts is None)
    since = min(first for _, first, _ in group)
    matches = _as_of(rules, events, bench, _past(pasts, AS_OF, since))
    found = {(match.rule, match.person, match.day) for match in matches}
    for match in _looking_back(rules, events, bench, pasts, since):
        if (match.rule, match.person, match.day) not in found:
            found.add((match.rule, match.person, match.day))
            matches.append(match)
    days = {person: (first, last) for person, first, last in group}
    matches += _of_crowds(rules, events, group, bench, Beside() if beside is None else beside)
    kept = (m for m in matches if m.person in days and days[m.person][0] <= m.day <= days[m.person][1])
    departing = [] if departing is None else departing
    departing += [match for match in matches if UNTIL in match.facts]
    return sorted((_alert(match, bench, departing) for match in kept), key=lambda alert: alert.id)


def _past(pasts: Pasts | None, turn: int, since: date) -> Past | None:
    if pasts is None:
        return None
    past = pasts.setdefault(turn, Past(since))
    past.since = since
    return past


def _alert(match: Match, bench: Bench, departing: Sequence[Match] = ()) -> Alert:
    filed = bench.directory.stage(match.person, match.time)
    stage = stage_with([sign for sign in departing if sign.person == match.person], filed, match.time)
    rule = bench.book.rules[match.rule]
    terms = ledger(match, rule, stage)
    return Alert(
        id=alert_id(match.rule, match.person, match.day),
        rule=match.rule,
        person=match.person,
        day=match.day,
        time=match.time,
        severity=rule.level,
        score=round(sum(term.points for term in terms), 2),
        terms=terms,
        facts=match.facts,
        events=match.events,
        stage=stage.value,
    )


def _read(group: Sequence[Span], bench: Bench, rules: Sequence[Rule], *, whole: bool) -> pl.DataFrame:
    """The tagged events that bear on the group's days, with everything joined."""
    calendar, book, directory = bench.directory.calendar, bench.book, bench.directory
    names = needed(rules)
    asked = [*rules, *(book.rules[name] for name in names)]
    reach = timedelta(days=max(rule.reach if whole else rule.window for rule in asked))
    start = calendar.start_of(max(FIRST_DAY, min(first for _, first, _ in group) - reach))
    end = calendar.end_of(max(last for _, _, last in group))
    accounts = directory.accounts_of([f"person:{person}" for person, _, _ in group])
    frames = [
        bench.store.read(EventQuery(start=start, end=end, accounts=of, tagged=tagged, columns=_columns(asked)))
        for tagged, of in _looked_at(names, accounts, bench)
    ]
    events = frames[0] if len(frames) == 1 else pl.concat(frames).unique("event.id").sort("@timestamp", "event.id")
    return _joined(events, bench)


def _of_crowds(
    rules: Sequence[Rule], events: pl.DataFrame, group: Sequence[Span], bench: Bench, beside: Beside
) -> Iterator[Match]:
    """What is found of several persons together, where one of the group is among them; what others have goes beside."""
    people = {person for person, _, _ in group}
    first, last = min(first for _, first, _ in group), max(last for _, _, last in group)
    for rule in rules:
        if not (rule.behaviour and rule.behaviour.crowd):
            continue
        field = rule.behaviour.crowd
        others = _crowd(rule, field, events, group, bench)
        per_rule = {name: hits(bench.book.rules[name], others) for name in rule.bases}
        met = others.select("person.id", field).drop_nulls().unique()
        beside.places |= {(person, place) for person, place in met.iter_rows() if person not in people}
        for match in behaviours.find(rule, rule.behaviour, per_rule, bench.directory.calendar, Everybody(bench), None):
            if match.person in people:
                yield match
            elif first <= match.day <= last:
                beside.alerts.append(_alert(match, bench))


def _crowd(rule: Rule, field: str, events: pl.DataFrame, group: Sequence[Span], bench: Bench) -> pl.DataFrame:
    """The events of anybody that have a value of `field` in common with the group's, with everything joined."""
    own = [hits(bench.book.rules[name], events)[field] for name in rule.bases]
    values = pl.concat(own).drop_nulls().unique().sort().to_list()
    frames = [
        bench.store.read(
            EventQuery(
                start=_start(group, rule.reach, bench),
                end=bench.directory.calendar.end_of(max(last for _, _, last in group)),
                tagged=rule.bases,
                condition=Any(tuple(Is(field, value) for value in values[place : place + VALUES_AT_ONCE])),
                columns=_columns([rule, *(bench.book.rules[name] for name in rule.bases)]),
            )
        )
        for place in range(0, len(values), VALUES_AT_ONCE)
    ]
    whole = pl.concat(frames).unique("event.id").sort("@timestamp", "event.id") if frames else events.clear()
    return _joined(whole, bench) if frames else events.clear()


@dataclass(frozen=True, slots=True)
class Everybody:
    """Adapter of `detection.behaviours.company.Company`."""

    bench: Bench

    def distinct(self, rules: Collection[str], field: str, first: date, last: date) -> int:
        return self.bench.store.totals(self._asked(rules, first, last), [field])[field].drop_nulls().n_unique()

    def days(self, rules: Collection[str], first: date, last: date) -> frozenset[date]:
        zone = self.bench.directory.calendar.zone
        return frozenset(self.bench.store.totals(self._asked(rules, first, last), ["day"], zone)["day"])

    def _asked(self, rules: Collection[str], first: date, last: date) -> EventQuery:
        calendar = self.bench.directory.calendar
        return EventQuery(start=calendar.start_of(first), end=calendar.end_of(last), tagged=rules)


def _start(group: Sequence[Span], reach: int, bench: Bench) -> datetime:
    first = min(first for _, first, _ in group)
    return bench.directory.calendar.start_of(max(FIRST_DAY, first - timedelta(days=reach)))


def _joined(events: pl.DataFrame, bench: Bench) -> pl.DataFrame:
    joined = bench.directory.join(derive(events, bench.surroundings))
    day = bench.directory.calendar.day_expr().alias("day")
    return joined.with_columns(day, pl.col("leaver.stage").alias(STAGE_THEN))


def _looked_at(names: set[str], accounts: frozenset[str], bench: Bench) -> Iterator[tuple[set[str], frozenset[str]]]:
    """Which tags of which accounts: those of rules on leavers only of leavers."""
    leavers = {name for name in names if bench.book.rules[name].leavers_only}
    yield names - leavers, accounts
    if leavers and (gone := accounts & bench.directory.leaver_accounts()):
        yield leavers, gone


def _columns(rules: Sequence[Rule]) -> tuple[str, ...]:
    asked = {
        name
        for rule in rules
        if rule.correlation or rule.behaviour or rule.exact is not None or rule.extra.first_seen
        for name in (*rule.fields, *([rule.extra.first_seen.field] if rule.extra.first_seen else []))
    }
    return tuple(dict.fromkeys([*BASE_COLUMNS, *sorted(asked & SCHEMA.keys() & BY_NAME.keys())]))


def _as_of(rules: Sequence[Rule], events: pl.DataFrame, bench: Bench, past: Past | None) -> list[Match]:
    """What the rules find, every event seen with what was known at its time."""
    per_rule = {name: hits(bench.book.rules[name], events) for name in sorted(needed(rules))}
    return [match for rule in rules for match in _found(rule, per_rule, bench, past)]


def _found(rule: Rule, per_rule: Mapping[str, pl.DataFrame], bench: Bench, past: Past | None) -> list[Match]:
    if rule.behaviour and rule.behaviour.crowd:
        return []
    if rule.behaviour:
        return behaviours.find(rule, rule.behaviour, per_rule, bench.directory.calendar, Everybody(bench), past)
    return findings(rule, per_rule, past)


def _looking_back(
    judged: Sequence[Rule], events: pl.DataFrame, bench: Bench, pasts: Pasts | None, since: date
) -> Iterator[Match]:
    """What rules with `lookback` find in the days before each notice, once the notice is known: it carries its time."""
    rules = [rule for rule in judged if rule.extra.lookback]
    people = set(events["person.id"].unique()) if rules else set()
    notices = {person: _notices(person, bench.directory) for person in people}
    for turn in range(max((len(own) for own in notices.values()), default=0)):
        filings = {person: own[turn] for person, own in notices.items() if len(own) > turn}
        past = _past(pasts, turn, since)
        for match in _as_of(rules, _as_if_known(events, filings, bench), bench, past):
            filing = filings[match.person]
            days = (bench.directory.calendar.day_of(filing.filed) - match.day).days
            if match.time < filing.filed and days <= bench.book.rules[match.rule].extra.lookback:
                yield replace(match, time=filing.filed)


def _notices(person: str, directory: Directory) -> list[Filing]:
    """Notices that were in force when filed."""
    filings = directory.filings_of(person)
    return [f for f in filings if not f.withdrawn and directory.stage(person, f.filed) is not Stage.ACTIVE]


def _as_if_known(events: pl.DataFrame, filings: Mapping[str, Filing], bench: Bench) -> pl.DataFrame:
    """Events of these persons, those before their filing seen as if it had been filed already."""
    rows = [(person, filing.filed, filing.last_day) for person, filing in sorted(filings.items())]
    schema = {"person.id": pl.String(), "known": SCHEMA["@timestamp"], "known_last_day": pl.Date()}
    known = events.join(pl.DataFrame(rows, schema=schema, orient="row"), on="person.id", maintain_order="left")
    before = pl.col("@timestamp") < pl.col("known")
    stage, days_left = bench.directory.stage_columns(pl.lit(True), pl.col("known_last_day"))
    return known.with_columns(
        pl.when(before).then(stage).otherwise(pl.col("leaver.stage")).alias("leaver.stage"),
        pl.when(before).then(days_left).otherwise(pl.col("leaver.days_left")).alias("leaver.days_left"),
    ).drop("known", "known_last_day")
