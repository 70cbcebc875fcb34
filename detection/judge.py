"""The judge: reads marked days back from the store and says what alerts they have. It remembers nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import IntEnum
from math import inf

import polars as pl

from core.alert import MAX_EVENTS, Alert, Match, Outcome, Term, alert_id
from core.directory import Directory
from core.errors import Unbalanced
from core.person import Filing, Stage
from core.ports import EventQuery, EventReader, Mark
from core.schema import BY_NAME, SCHEMA
from detection.candidates import needed
from detection.correlation import findings
from detection.derive import Surroundings, derive
from detection.evidence import FACT_FIELDS
from detection.exceptions import COLUMNS as COMPARED
from detection.exceptions import Grounds, concerned, explained, explained_persons, explaining, reason_of, with_approvals
from detection.holding import Past, happening
from detection.risk import ledger, post_of, sum_of
from detection.rule import Rule
from detection.rulebook import RuleBook
from detection.screening import Screen, Total
from detection.seen import ORDER, Seen
from detection.windows import STAGE_THEN

PERSONS_AT_ONCE = 5_000
EVENTS_AT_ONCE = 200_000
FIRST_DAY, LAST_DAY = date(1971, 1, 1), date(9998, 12, 31)
BASE_COLUMNS = ("@timestamp", "event.id", "user.account", "rule.matched", "email.to.domain", *FACT_FIELDS)

Span = tuple[str, date, date]
Key = tuple[str, str, date]
"""A match: rule, person, day."""
AFTERWARDS = ", afterwards"


class Taken(IntEnum):
    """Which events are taken out before judging: none, those explained when they happened, also those explained
    afterwards."""

    NOTHING = 0
    EARLY = 1
    LATE = 2


Pasts = dict[tuple[Taken, int], Past]
"""What is known of the days before, for each way to look at them: without which events, and as of their time or
knowing each notice."""
AS_OF = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The alerts of some persons' days, whole: other alerts of these spans are no longer true. `marks` are settled."""

    marks: Sequence[Mark]
    spans: Sequence[Span]
    alerts: Sequence[Alert]


@dataclass(slots=True)
class _Group:
    """Persons judged together: the days of each, how many tagged events bear on them, and which rules may find
    something, about those of them who are `suspect`."""

    spans: list[Span] = field(default_factory=list)
    events: int = 0
    suspect: list[Span] = field(default_factory=list)
    rules: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a judgement is made with."""

    store: EventReader
    directory: Directory
    book: RuleBook
    surroundings: Surroundings
    grounds: Grounds = field(default_factory=Grounds)
    posts: Mapping[str, float] = field(default_factory=dict)


def judge(
    marks: Sequence[Mark],
    *,
    store: EventReader,
    directory: Directory,
    book: RuleBook,
    surroundings: Surroundings,
    grounds: Grounds | None = None,
    posts: Mapping[str, float] | None = None,
) -> Iterator[Judged]:
    """Judge marked days, some persons at a time, so that memory stays bounded; those with the most events last, so that
    nobody waits for them. Every mark comes back once, with the last of its persons. Raises `Unbalanced` rather than
    lose a match."""
    bench = Bench(
        store=store,
        directory=directory,
        book=book,
        surroundings=surroundings,
        grounds=grounds or Grounds(),
        posts=posts or {},
    )
    spans, touched = _spans(marks, directory)
    last_group: dict[str, int] = {}
    groups = sorted(_groups(spans, bench), key=lambda group: group.events > EVENTS_AT_ONCE)
    for number, group in enumerate(groups):
        last_group |= dict.fromkeys((person for person, _, _ in group.spans), number)
    due: dict[int, list[Mark]] = {}
    for mark in marks:
        due.setdefault(max((last_group[p] for p in touched[mark.subject]), default=0), []).append(mark)
    for number, group in enumerate(groups or [_Group()]):
        yield Judged(marks=due.get(number, ()), spans=group.spans, alerts=_alerts(group, bench))


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
    screen = Screen(bench.book.judged)
    tagged = _tagged(spans, bench, screen) if spans else {}
    group = _Group()
    for person, span in sorted(spans.items()):
        rules = screen.may_find(tagged[person])
        own = sum(total.events for total in tagged[person].values()) if rules else 0
        if group.spans and (group.events + own > EVENTS_AT_ONCE or len(group.spans) >= PERSONS_AT_ONCE):
            yield group
            group = _Group()
        group.spans.append(span)
        group.events += own
        group.rules |= rules
        group.suspect += [span] if rules else []
    if group.spans:
        yield group


def _tagged(spans: Mapping[str, Span], bench: Bench, screen: Screen) -> Mapping[str, Mapping[str, Total]]:
    """Totals by tag of the events that bear on each person's days, or more: the days of all are looked at as one."""
    names = needed(bench.book.judged)
    between = _bearing(list(spans.values()), bench, bench.book.reach)
    persons: dict[str, list[str]] = defaultdict(list)
    for person in spans:
        for account in bench.directory.accounts_of([f"person:{person}"]):
            persons[account].append(person)
    found: dict[str, dict[str, Total]] = defaultdict(dict)
    for tags, accounts in _looked_at(names, frozenset(persons), bench):
        query = replace(between, accounts=accounts, tagged=tags)
        negative = replace(query, condition=screen.negative)
        unbound = set(bench.store.totals(negative, ["user.account"])["user.account"]) if screen.fields else set()
        totals = bench.store.totals(query, ["user.account", "rule.matched"], sums=screen.fields)
        for account, tag, events, *sums in totals.filter(pl.col("rule.matched").is_in(sorted(tags))).iter_rows():
            most = [inf] * len(sums) if account in unbound else sums
            for person in persons[account]:
                total = found[person].setdefault(tag, Total())
                total.add(events, dict(zip(screen.fields, most, strict=True)))
    return found


def _alerts(group: _Group, bench: Bench) -> list[Alert]:
    """The alerts of a group; of a person with more events than fit, rule by rule and some days at a time."""
    rules = [rule for rule in bench.book.judged if rule.name in group.rules]
    if group.events <= EVENTS_AT_ONCE:
        return alerts_of(group.suspect, bench, rules)
    ((person, first, last),) = group.suspect
    found: list[Alert] = []
    for rule in rules:
        pasts: Pasts = {}
        start = max(FIRST_DAY, first - timedelta(days=rule.reach))
        for days in _slices(person, start, last, bench, rule):
            found += alerts_of([(person, *days)], bench, [rule], pasts)
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
    events = sum(bench.store.totals(query, ["user.account"])["events"])
    if first == last or 0 < events <= EVENTS_AT_ONCE:
        yield first, last
    elif events:
        middle = first + (last - first) // 2
        yield from _slices(person, first, middle, bench, rule)
        yield from _slices(person, middle + timedelta(days=1), last, bench, rule)


def alerts_of(group: Sequence[Span], bench: Bench, rules: Sequence[Rule], pasts: Pasts | None = None) -> list[Alert]:
    """The alerts that these rules raise about some persons' days, ordered by id. With `pasts`, which earlier calls for
    the days before have filled, events of these are read only as far as windows reach."""
    if not group:
        return []
    events = _read(group, bench, rules, whole=pasts is None)
    since = min(first for _, first, _ in group)
    days = {person: (first, last) for person, first, last in group}
    found = [
        {key: match for key, match in some.items() if key[1] in days and days[key[1]][0] <= key[2] <= days[key[1]][1]}
        for some in _ways(rules, events, bench, pasts, since)
    ]
    alerts = sorted(_outcomes(found, events, bench), key=lambda alert: alert.id)
    balance(found[0].keys() | found[1].keys(), alerts)
    return alerts


def balance(matches: Collection[Key], alerts: Sequence[Alert]) -> None:
    """Raises `Unbalanced` where a match has become nothing, or anything has come of no match."""
    counted = Counter(alert.id for alert in alerts)
    if counted != Counter(alert_id(*match) for match in matches):
        lost = len({alert_id(*match) for match in matches} - counted.keys())
        raise Unbalanced(f"{len(matches)} matches, {len(alerts)} outcomes, {lost} matches without one")


def _ways(
    rules: Sequence[Rule], events: pl.DataFrame, bench: Bench, pasts: Pasts | None, since: date
) -> tuple[dict[Key, Match], dict[Key, Match], dict[Key, Match]]:
    """What is found in all events, in those that nothing explains, and in those that nothing explains later either."""
    everything = _found(rules, events, bench, pasts, since, Taken.NOTHING)
    if not bench.grounds:
        return everything, everything, everything
    who = explained_persons(rules, events, bench.grounds, bench.directory.calendar)
    if pasts is None:
        events = events.filter(pl.col("person.id").is_in(sorted(who)))
        if not who:
            return everything, everything, everything
    others = {key: match for key, match in everything.items() if pasts is None and key[1] not in who}
    early, late = (_found(rules, events, bench, pasts, since, taken) for taken in (Taken.EARLY, Taken.LATE))
    return everything, others | early, others | late


def _found(
    rules: Sequence[Rule], events: pl.DataFrame, bench: Bench, pasts: Pasts | None, since: date, taken: Taken
) -> dict[Key, Match]:
    matches = _as_of(rules, events, bench, _past(pasts, (taken, AS_OF), since), taken)
    found = {(match.rule, match.person, match.day): match for match in matches}
    for match in _looking_back(rules, events, bench, pasts, since, taken):
        found.setdefault((match.rule, match.person, match.day), match)
    return found


def _past(pasts: Pasts | None, way: tuple[Taken, int], since: date) -> Past | None:
    if pasts is None:
        return None
    past = pasts.setdefault(way, Past(since))
    past.since = since
    return past


def _outcomes(found: Sequence[Mapping[Key, Match]], events: pl.DataFrame, bench: Bench) -> Iterator[Alert]:
    """An alert for every match that something is left of, a suppressed one for every other."""
    everything, early, late = found
    for key in everything.keys() | early.keys():
        whole, rest, end = everything.get(key), early.get(key), late.get(key)
        if whole == rest == end and whole is not None:
            yield _alert(whole, bench, _terms(whole, bench))
        else:
            yield _explained(whole, rest, end, events, bench)


def _explained(whole: Match | None, rest: Match | None, end: Match | None, events: pl.DataFrame, bench: Bench) -> Alert:
    """A match of which something was explained: what that takes away stands in the ledger."""
    early = _labels(whole, events, bench, late=False) if whole and whole != rest else []
    match = (rest if early else whole) or rest or whole
    assert match is not None  # noqa: S101
    terms = list(_terms(whole or match, bench))
    if early:
        terms += _less(terms, sum_of(_terms(rest, bench)) if rest else 0.0, early, None)
    suppressed = rest is None and bool(early)
    after = [] if suppressed or rest == end else _labels(match, events, bench, late=True)
    after = [label for label in after if label not in early]
    if after:
        filed = max(bench.grounds.labels[label].filed for label in after)
        terms += _less(terms, sum_of(_terms(end, bench)) if end else 0.0, after, filed)
    return _alert(match, bench, tuple(terms), suppressed=suppressed, labels=[*early, *after])


def _less(terms: Sequence[Term], score: float, labels: Sequence[str], since: datetime | None) -> list[Term]:
    """The term that lowers a ledger to a score, where it is above that."""
    points = round(score - sum_of(terms), 2)
    name = ", ".join(labels) + (AFTERWARDS if since else "")
    return [Term(name=name, points=min(0.0, points), since=since)]


def _labels(match: Match, events: pl.DataFrame, bench: Bench, *, late: bool) -> list[str]:
    """What explains some of a match's events; of more events than a match names, those of its days."""
    rule, calendar = bench.book.rules[match.rule], bench.directory.calendar
    own = events.filter((pl.col("person.id") == match.person) & (pl.col("day") <= match.day))
    named = own.filter(pl.col("event.id").is_in(list(match.events)))
    found = explaining(rule, named, bench.grounds, calendar, late=late)
    if found or len(match.events) < MAX_EVENTS:
        return found
    tagged = pl.col("rule.matched").list.set_intersection(sorted(needed([rule]))).list.len() > 0
    first = match.day - timedelta(days=rule.window)
    return explaining(rule, own.filter(tagged & (pl.col("day") >= first)), bench.grounds, calendar, late=late)


def _terms(match: Match, bench: Bench) -> tuple[Term, ...]:
    stage = bench.directory.stage(match.person, match.time)
    post = post_of(bench.directory.person(match.person), bench.posts)
    return ledger(match, bench.book.rules[match.rule], stage, post)


def _alert(
    match: Match, bench: Bench, terms: tuple[Term, ...], *, suppressed: bool = False, labels: Sequence[str] = ()
) -> Alert:
    return Alert(
        id=alert_id(match.rule, match.person, match.day),
        rule=match.rule,
        person=match.person,
        day=match.day,
        time=match.time,
        severity=bench.book.rules[match.rule].level,
        score=sum_of(terms),
        terms=terms,
        facts=match.facts,
        events=match.events,
        stage=bench.directory.stage(match.person, match.time).value,
        outcome=Outcome.SUPPRESSED if suppressed else Outcome.ALERT,
        grounds=tuple(labels),
        why="; ".join(dict.fromkeys(reason_of(bench.grounds.labels[label]) for label in labels)),
    )


def _read(group: Sequence[Span], bench: Bench, rules: Sequence[Rule], *, whole: bool) -> pl.DataFrame:
    """The tagged events that bear on the group's days, with everything joined, sorted by `ORDER`."""
    calendar, book, directory = bench.directory.calendar, bench.book, bench.directory
    names = needed(rules)
    asked = [*rules, *(book.rules[name] for name in sorted(names))]
    between = _bearing(group, bench, max(rule.reach if whole else rule.window for rule in asked))
    accounts = directory.accounts_of([f"person:{person}" for person, _, _ in group])
    frames = [
        bench.store.read(replace(between, accounts=of, tagged=tagged, columns=_columns(asked, bench.grounds)))
        for tagged, of in _looked_at(names, accounts, bench)
    ]
    events = frames[0] if len(frames) == 1 else pl.concat(frames).unique("event.id")
    joined = directory.join(derive(events, bench.surroundings))
    if bench.grounds:
        joined = with_approvals(joined, bench.grounds)
    joined = joined.sort(ORDER)
    return joined.with_columns(calendar.day_expr().alias("day"), pl.col("leaver.stage").alias(STAGE_THEN))


def _bearing(group: Sequence[Span], bench: Bench, reach: int) -> EventQuery:
    """Asks for the events that bear on the days of a group."""
    calendar = bench.directory.calendar
    first = min(first for _, first, _ in group) - timedelta(days=reach)
    return EventQuery(
        start=calendar.start_of(max(FIRST_DAY, first)),
        end=calendar.end_of(max(last for _, _, last in group)),
    )


def _looked_at(names: set[str], accounts: frozenset[str], bench: Bench) -> Iterator[tuple[set[str], frozenset[str]]]:
    """Which tags of which accounts: those of rules on leavers only of leavers."""
    leavers = {name for name in names if bench.book.rules[name].leavers_only}
    yield names - leavers, accounts
    if leavers and (gone := accounts & bench.directory.leaver_accounts()):
        yield leavers, gone


def _columns(rules: Sequence[Rule], grounds: Grounds) -> tuple[str, ...]:
    asked = {
        name
        for rule in rules
        if rule.correlation or rule.exact is not None or rule.extra.first_seen
        for name in (*rule.fields, *([rule.extra.first_seen.field] if rule.extra.first_seen else []))
    }
    more = COMPARED if grounds else ()
    return tuple(dict.fromkeys([*BASE_COLUMNS, *more, *sorted(asked & SCHEMA.keys() & BY_NAME.keys())]))


def _as_of(rules: Sequence[Rule], events: pl.DataFrame, bench: Bench, past: Past | None, taken: Taken) -> list[Match]:
    """What the rules find, every event seen with what was known at its time."""
    seen = Seen(events, bench.book.rules, happening)
    if taken is Taken.NOTHING:
        return [match for rule in rules for match in findings(rule, seen, past)]
    late, calendar = taken is Taken.LATE, bench.directory.calendar
    left: dict[tuple[str, ...], Seen] = {}
    found: list[Match] = []
    for rule in rules:
        key = concerned(rule, bench.grounds)
        if key not in left:
            left[key] = seen.without(explained(rule, events, bench.grounds, calendar, late=late))
        found += findings(rule, left[key], past)
    return found


def _looking_back(
    judged: Sequence[Rule], events: pl.DataFrame, bench: Bench, pasts: Pasts | None, since: date, taken: Taken
) -> Iterator[Match]:
    """What rules with `lookback` find in the days before each notice, once the notice is known: it carries its time."""
    rules = [rule for rule in judged if rule.extra.lookback]
    people = set(events["person.id"].unique()) if rules else set()
    notices = {person: _notices(person, bench.directory) for person in people}
    for turn in range(max((len(own) for own in notices.values()), default=0)):
        filings = {person: own[turn] for person, own in notices.items() if len(own) > turn}
        past = _past(pasts, (taken, turn), since)
        for match in _as_of(rules, _as_if_known(events, filings, bench), bench, past, taken):
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
