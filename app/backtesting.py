"""Looking back with rules: what one finds in the store, and what a change of rules would add and take away. Nothing is
written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from app.jobs import cases_of
from app.wiring import House, aside_in, by_person
from cases.crews import leads, with_mates
from core.alert import Alert
from core.case import Case, CaseState
from core.errors import RuleError
from core.ports import EventReader
from detection.backtest import Difference, Lost, Standing, affected, differences, lost
from detection.bench import FIRST_DAY
from detection.hunt import Retold, hunt, spoken
from detection.judge import Judged
from detection.rulebook import RuleBook
from detection.rulefiles import texts_at
from detection.unusual import of_models

Progress = Callable[[Judged], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a hunt found: the rules it was made with, by name, and their alerts, ordered by (time, id)."""

    book: RuleBook
    rules: Sequence[str]
    alerts: Sequence[Alert]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What a change of rules comes to. `rules` are those whose findings may differ."""

    before: RuleBook
    after: RuleBook
    rules: Sequence[str]
    differences: Sequence[Difference]
    lost: Sequence[Lost]


def asked(book: RuleBook, rule: str) -> tuple[RuleBook, frozenset[str]]:
    """The rules that a name of one in force, or a file or folder of rules, stands for; a file's take the place of those
    of the same name. What others only build on is left out, unless there is nothing else. Raises `RuleError`."""
    if rule in book.rules:
        return book, frozenset({rule})
    texts = texts_at(Path(rule))
    changed = book.with_texts(texts)
    names = changed.names_in(texts)
    if not names:
        raise RuleError(f"{rule}: there are no rules in it")
    speaking = {name for name in names if changed.rules[name].alerts}
    return changed, frozenset(speaking or names)


def hunt_with(
    house: House, rule: str, since: datetime | None, until: datetime | None, progress: Progress | None = None
) -> Found:
    """What a rule finds in the store, as the judge would have found it."""
    book, names = asked(house.book, rule)
    alerts = _alerts(house, book, names, since, until, progress)
    return Found(book=book, rules=sorted(names), alerts=alerts)


def backtest(
    house: House, rule: str, since: datetime | None, until: datetime | None, progress: Progress | None = None
) -> Backtest:
    """What changes if the files at `rule` come into force. Affected rules are judged anew, with the rules in force and
    with the changed ones; what the others have found is read from the records."""
    texts = texts_at(Path(rule))
    after = house.book.with_texts(texts)
    names = affected(house.book, after)
    found = [
        _alerts(house, book, names & {one.name for one in book.judged}, since, until, progress)
        for book in (house.book, after)
    ]
    persons = {alert.person for alerts in found for alert in alerts}
    confirmed = [case for case in house.records.cases() if case.state is CaseState.CONFIRMED]

    def others(of: Collection[str]) -> list[Alert]:
        """What the rules that are not judged anew have found, and what was raised before and after."""
        return [
            alert
            for alert in house.records.alerts(persons=of, outcome=None)
            if alert.rule not in names
            or (since is not None and alert.time < since)
            or (until is not None and alert.time >= until)
        ]

    rest = others(persons)
    was, now = (_standing(house, [*rest, *alerts], others) for alerts in found)
    return Backtest(
        before=house.book,
        after=after,
        rules=sorted(names),
        differences=differences(was, now),
        lost=lost(confirmed, was, now),
    )


def _alerts(
    house: House,
    book: RuleBook,
    names: Set[str],
    since: datetime | None,
    until: datetime | None,
    progress: Progress | None,
) -> list[Alert]:
    if not names:
        return []
    house.events.catch_up()
    stages = book.of_stages if affected(house.book, book) & book.of_stages else frozenset()
    found: list[Alert] = []
    with TemporaryDirectory() as folder:
        store, directory = _store(house, book, names | stages, Path(folder)), house.directory()
        # What is recorded is what the rules in force say.
        bench = house.bench(directory, book, store, departing={} if stages else None)
        if stages:
            early = since - timedelta(days=book.stages_bear) if since and since.year > FIRST_DAY.year else None
            signs = hunt(stages, bench, early, until)
            bench = replace(bench, departing=by_person(alert for judged in signs for alert in judged.alerts))
        for judged in hunt(names, bench, since, until):
            found += judged.alerts
            if progress:
                progress(judged)
    return sorted(found, key=lambda alert: (alert.time, alert.id))


def _store(house: House, book: RuleBook, names: Set[str], folder: Path) -> EventReader:
    """The store as these rules see it: what they would have tagged is tagged on the way, and lies in the folder."""
    leaves = {leaf for name in spoken(book, names) for leaf in book.rules[name].leaves} - of_models(book)
    if house.records.setting("rules_version") == house.tagger().version:
        leaves = {leaf for leaf in leaves if book.origins.get(leaf) != house.book.origins.get(leaf)}
    if not leaves:
        return house.events
    least = {leaf: book.rules[leaf].least for leaf in leaves}
    return Retold(house.events, book, house.surroundings(), least, aside_in(folder))


def _standing(house: House, alerts: Sequence[Alert], others: Callable[[Collection[str]], Sequence[Alert]]) -> Standing:
    """The alerts by person, and the cases as they are live: one of each crew, with what its other members have."""
    people: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        people[alert.person].append(alert)
    whole = with_mates(people, others)
    lead_of = leads(whole)
    by_lead: dict[str, list[Alert]] = defaultdict(list)
    for person, own in whole.items():
        by_lead[lead_of[person]] += own
    cases: dict[str, Case] = {case.person: case for case in cases_of(house, by_lead)}
    return Standing(alerts=people, cases=cases, leads=lead_of)
