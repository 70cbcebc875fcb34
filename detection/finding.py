"""What rules find in the events of some persons: as of then, looking back from a notice, without what is explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from typing import Self

import polars as pl

from core.alert import Match
from core.directory import Directory
from core.person import Filing, Stage
from core.schema import SCHEMA
from detection import behaviours
from detection.bench import Bench, Everybody
from detection.correlation import findings
from detection.exceptions import concerned, explained, explained_persons
from detection.holding import Past
from detection.learning import weighed
from detection.rule import Rule
from detection.seen import Seen

Key = tuple[str, str, date]
"""A match: rule, person, day."""


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


@dataclass(frozen=True, slots=True)
class _Sight:
    """The events with what was known at the time of each, and for rules that look back with each notice known."""

    then: Seen
    knowing: Sequence[tuple[Mapping[str, Filing], Seen]]

    @classmethod
    def of(cls, rules: Sequence[Rule], seen: Seen, bench: Bench) -> Self:
        notices = list(_notices(seen.events, bench.directory)) if any(rule.extra.lookback for rule in rules) else []
        return cls(seen, [(own, seen.among(_as_if_known(seen.events, own, bench))) for own in notices])


def ways(
    rules: Sequence[Rule], seen: Seen, bench: Bench, pasts: Pasts | None, since: date
) -> tuple[dict[Key, Match], dict[Key, Match], dict[Key, Match]]:
    """What is found in all events, in those that nothing explains, and in those that nothing explains later either."""
    sight = _Sight.of(rules, seen, bench)
    everything = _found(rules, sight, bench, pasts, since, Taken.NOTHING)
    if not bench.grounds:
        return everything, everything, everything
    who = explained_persons(rules, seen.events, bench.grounds, bench.directory.calendar)
    if pasts is None:
        if not who:
            return everything, everything, everything
        sight = _Sight.of(rules, seen.among(seen.events.filter(pl.col("person.id").is_in(sorted(who)))), bench)
    others = {key: match for key, match in everything.items() if pasts is None and key[1] not in who}
    early, late = (_found(rules, sight, bench, pasts, since, taken) for taken in (Taken.EARLY, Taken.LATE))
    return everything, others | early, others | late


def _found(
    rules: Sequence[Rule], sight: _Sight, bench: Bench, pasts: Pasts | None, since: date, taken: Taken
) -> dict[Key, Match]:
    matches = _as_of(rules, sight.then, bench, _past(pasts, (taken, AS_OF), since), taken)
    found = {(match.rule, match.person, match.day): match for match in matches}
    for match in _looking_back(rules, sight, bench, pasts, since, taken):
        found.setdefault((match.rule, match.person, match.day), match)
    return found


def _past(pasts: Pasts | None, way: tuple[Taken, int], since: date) -> Past | None:
    if pasts is None:
        return None
    past = pasts.setdefault(way, Past(since))
    past.since = since
    return past


def _as_of(rules: Sequence[Rule], seen: Seen, bench: Bench, past: Past | None, taken: Taken) -> list[Match]:
    """What the rules find in events as they are seen."""
    if taken is Taken.NOTHING:
        return [match for rule in rules for match in _matches(rule, seen, bench, past)]
    late, calendar = taken is Taken.LATE, bench.directory.calendar
    left: dict[tuple[str, ...], Seen] = {}
    found: list[Match] = []
    for rule in rules:
        key = concerned(rule, bench.grounds)
        if key not in left:
            left[key] = seen.without(explained(rule, seen.events, bench.grounds, calendar, late=late))
        found += _matches(rule, left[key], bench, past)
    return found


def _matches(rule: Rule, seen: Seen, bench: Bench, past: Past | None) -> list[Match]:
    if rule.behaviour is None:
        return list(weighed(rule, findings(rule, seen, past), Everybody(bench)))
    if rule.behaviour.crowd or seen.never(rule):
        return []
    return behaviours.find(rule, rule.behaviour, seen.hits(rule), bench.directory.calendar, Everybody(bench), past)


def _looking_back(
    judged: Sequence[Rule], sight: _Sight, bench: Bench, pasts: Pasts | None, since: date, taken: Taken
) -> Iterator[Match]:
    """What rules with `lookback` find in the days before each notice, once the notice is known: it carries its time."""
    rules = [rule for rule in judged if rule.extra.lookback]
    for turn, (filings, seen) in enumerate(sight.knowing):
        past = _past(pasts, (taken, turn), since)
        for match in _as_of(rules, seen, bench, past, taken):
            filing = filings[match.person]
            days = (bench.directory.calendar.day_of(filing.filed) - match.day).days
            if match.time < filing.filed and days <= bench.book.rules[match.rule].extra.lookback:
                yield replace(match, time=filing.filed)


def _notices(events: pl.DataFrame, directory: Directory) -> Iterator[Mapping[str, Filing]]:
    """The first notice of each person, then the second of those who have filed one, and so on: those in force when
    filed."""
    of = {
        person: [
            filing
            for filing in directory.filings_of(person)
            if not filing.withdrawn and directory.stage(person, filing.filed) is not Stage.ACTIVE
        ]
        for person in events["person.id"].unique().sort()
    }
    for turn in range(max(map(len, of.values()), default=0)):
        yield {person: own[turn] for person, own in of.items() if len(own) > turn}


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
