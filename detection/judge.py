"""The judge: reads marked days back from the store and says what alerts they have. It remembers nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import inf

import polars as pl

from core.alert import Alert, Match
from core.directory import Directory
from core.ports import EventQuery, Mark
from detection.behaviours.joint import Joint
from detection.bench import FIRST_DAY, LAST_DAY, Bench, Span, bearing, looked_at, read
from detection.candidates import needed
from detection.crowds import of_crowds
from detection.departing import UNTIL
from detection.finding import Pasts, ways
from detection.holding import happening
from detection.mates import Beside
from detection.outcomes import Outcomes, balance
from detection.rule import Rule
from detection.screening import Screen
from detection.seen import Seen
from detection.totals import Total
from detection.unusual import findings_of, of_models, totals_of, with_days

PERSONS_AT_ONCE = 5_000
EVENTS_AT_ONCE = 200_000
A_SECOND = timedelta(seconds=1)


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
    """Persons judged together: the days of each, which rules may find something, about those of them who are `suspect`,
    how many events of these there are by tag, and how many of them these rules look at."""

    spans: list[Span] = field(default_factory=list)
    suspect: list[Span] = field(default_factory=list)
    rules: set[str] = field(default_factory=set)
    tags: Counter[str] = field(default_factory=Counter)
    events: int = 0


def judge(marks: Sequence[Mark], bench: Bench, at_once: int | None = None) -> Iterator[Judged]:
    """Judge marked days, some persons at a time, of `at_once` events where nobody has more, so that memory stays
    bounded; those with the fewest events first, so that nobody waits for those with many. Every mark comes back once,
    with the last of its persons. Raises `Unbalanced` rather than lose a match."""
    spans, touched = _spans(marks, bench.directory)
    last_group: dict[str, int] = {}
    groups = list(_groups(spans, bench, at_once or EVENTS_AT_ONCE))
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


def _groups(spans: Mapping[str, Span], bench: Bench, at_once: int) -> Iterator[_Group]:
    """Persons whose events fit into memory together; whoever has more than fits is judged alone."""
    screen = Screen(bench.book.judged, bench.book.rules)
    tagged = _tagged(spans, bench, screen) if spans else {}
    gone = bench.directory.leavers() | bench.departing.keys()
    rules = {person: screen.may_find(tagged[person], leaver=person in gone) for person in spans}
    own = {
        person: _events(bench, {tag: total.events for tag, total in tagged[person].items()}, rules[person])
        for person in spans
    }
    group = _Group()
    for person in sorted(spans, key=lambda person: own[person]):
        tags = Counter({tag: total.events for tag, total in tagged[person].items()} if rules[person] else {})
        # Whatever one of them has to be read of is read of all.
        events = _events(bench, group.tags + tags, group.rules | rules[person])
        if group.spans and (events > at_once or len(group.spans) >= PERSONS_AT_ONCE):
            yield group
            group, events = _Group(), own[person]
        group.spans.append(spans[person])
        group.suspect += [spans[person]] if rules[person] else []
        group.rules |= rules[person]
        group.tags += tags
        group.events = events
    if group.spans:
        yield group


def _events(bench: Bench, tags: Mapping[str, int], rules: Iterable[str]) -> int:
    """How many of so many events by tag these rules look at."""
    read = needed(bench.book.rules[name] for name in rules)
    return sum(events for tag, events in tags.items() if tag in read)


def _tagged(spans: Mapping[str, Span], bench: Bench, screen: Screen) -> Mapping[str, Mapping[str, Total]]:
    """Totals by tag of the events that bear on each person's days, or more: the days of all are looked at as one."""
    names = needed(bench.book.judged) - of_models(bench.book)
    between = bearing(list(spans.values()), bench, bench.book.reach)
    persons: dict[str, list[str]] = defaultdict(list)
    for person in spans:
        for account in bench.directory.accounts_of([f"person:{person}"]):
            persons[account].append(person)
    found: dict[str, dict[str, Total]] = defaultdict(dict)
    for tags, accounts in looked_at(names, frozenset(persons), bench):
        query = replace(between, accounts=accounts, tagged=tags)
        negative = replace(query, condition=screen.negative)
        unbound = set(bench.store.totals(negative, ["user.account"])["user.account"]) if screen.fields else set()
        totals = bench.store.totals(query, ["user.account", "rule.matched"], sums=screen.fields, times=True)
        asked = totals.filter(pl.col("rule.matched").is_in(sorted(tags)))
        last = asked["until"].max()
        for account, tag, events, *sums, since, _ in asked.iter_rows():
            most = dict(zip(screen.fields, [inf] * len(sums) if account in unbound else sums, strict=True))
            for person in persons[account]:
                found[person].setdefault(tag, Total()).add(events, most, last - since + A_SECOND)
    for person, own in totals_of(findings_of(list(spans.values()), bench), bench.book).items():
        found[person].update(own)
    return found


def _alerts(group: _Group, bench: Bench, beside: Beside) -> list[Alert]:
    """The alerts of a group; of a person with more events than fit, rule by rule and some days at a time."""
    rules = [rule for rule in bench.book.judged if rule.name in group.rules]
    if group.events <= EVENTS_AT_ONCE:
        return alerts_of(group.suspect, bench, rules, beside=beside)
    ((person, first, last),) = group.suspect
    found: list[Alert] = []
    departing: list[Match] = []
    for rule in sorted(rules, key=lambda rule: not isinstance(rule.behaviour, Joint)):
        pasts: Pasts = {}
        start = max(FIRST_DAY, first - timedelta(days=rule.reach))
        for days in _slices(person, start, last, bench, rule):
            found += alerts_of([(person, *days)], bench, [rule], pasts, beside, departing)
    return sorted((alert for alert in found if alert.day >= first), key=lambda alert: alert.id)


def _slices(person: str, first: date, last: date, bench: Bench, rule: Rule) -> Iterator[tuple[date, date]]:
    """Runs of days from first to last, without those of no event, whose events fit into memory; or of a single day."""
    if rule.name in of_models(bench.book):
        yield first, last
        return
    calendar = bench.directory.calendar
    query = EventQuery(
        start=calendar.start_of(first),
        end=calendar.end_of(last),
        accounts=bench.directory.accounts_of([f"person:{person}"]),
        tagged=needed([rule]),
    )
    events = sum(bench.store.totals(query, ["user.account"])["events"])
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
    events = read(group, bench, rules, whole=pasts is None)
    seen = Seen(events, bench.book.rules, happening)
    crowds = of_crowds(rules, seen, group, bench, Beside() if beside is None else beside)
    together = {(match.rule, match.person, match.day): match for match in crowds}
    days = {person: (first, last) for person, first, last in group}
    found = [some | together for some in ways(rules, seen, bench, pasts, min(first for _, first, _ in group))]
    departing = [] if departing is None else departing
    departing += [match for match in found[0].values() if UNTIL in match.facts]
    kept = [
        {key: match for key, match in some.items() if key[1] in days and days[key[1]][0] <= key[2] <= days[key[1]][1]}
        for some in found
    ]
    alerts = sorted(Outcomes(events, bench, departing).of(kept), key=lambda alert: alert.id)
    balance(kept[0].keys() | kept[1].keys(), alerts)
    return with_days(alerts, bench)
