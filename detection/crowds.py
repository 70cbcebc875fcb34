"""What is found of several persons together, and what judging some of them means for the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from core.alert import OTHERS, PLACE, SEPARATOR, Match
from detection import behaviours
from detection.behaviours.base import Behaviour
from detection.behaviours.common import Common
from detection.bench import VALUES_AT_ONCE, Bench, Everybody, Span, bearing, columns
from detection.holding import happening
from detection.mates import Beside, of_leavers
from detection.outcomes import Outcomes
from detection.places import Part, parts, there
from detection.rule import Rule
from detection.seen import Seen

NO_DAYS = (date.max, date.min)


def of_crowds(
    rules: Sequence[Rule], seen: Seen, group: Sequence[Span], bench: Bench, beside: Beside
) -> Iterator[Match]:
    """What is found of several persons together, where one of the group is among them, on the days that are judged of
    each; what others have, and they on other days, goes beside."""
    spans, outcomes = {person: (first, last) for person, first, last in group}, Outcomes(seen.events, bench, ())
    for rule in rules:
        behaviour = rule.behaviour
        if behaviour is None or behaviour.crowd is None:
            continue
        if isinstance(behaviour, Common):
            found = of_leavers(rule, behaviour, seen, group, bench, beside)
        else:
            together = _together(rule, behaviour, behaviour.crowd, seen, group, bench, beside)
            found = (match for part in together for match in _found(rule, behaviour, part, bench))
        for match in _one_a_day(found):
            first, last = spans.get(match.person, NO_DAYS)
            if first <= match.day <= last:
                yield match
            else:
                beside.alerts.append(outcomes.alert(match))
    beside.people -= spans.keys()


def _together(
    rule: Rule,
    behaviour: Behaviour,
    place: str,
    seen: Seen,
    group: Sequence[Span],
    bench: Bench,
    beside: Beside,
) -> Iterator[Part]:
    """The events of anybody at places where somebody of the group was, and enough others for a crowd."""
    own = [rows[place] for rows in seen.hits(rule).values()]
    values = pl.concat(own).drop_nulls().unique().sort().to_list()
    beside.places |= set(values)
    days = (min(first for _, first, _ in group), max(last for _, _, last in group))
    rules = [rule, *(bench.book.rules[name] for name in rule.leaves)]
    asked = replace(bearing(group, bench, rule.reach), tagged=rule.leaves, columns=columns(rules, bench.grounds))
    for start in range(0, len(values), VALUES_AT_ONCE):
        met = there(place, values[start : start + VALUES_AT_ONCE], asked, bench)
        beside.people |= {person for one in met.values() for person in one.people}
        counts = {value: one.events for value, one in met.items() if len(one.people) >= behaviour.least_observed}
        yield from parts(place, counts, asked, days, rule.reach, bench)


def _found(rule: Rule, behaviour: Behaviour, part: Part, bench: Bench) -> Iterator[Match]:
    hits = Seen(part.events, bench.book.rules, happening).hits(rule)
    for match in behaviours.find(rule, behaviour, hits, bench.directory.calendar, Everybody(bench), None):
        if part.first <= match.day <= part.last:
            yield match


def _one_a_day(matches: Iterable[Match]) -> Iterator[Match]:
    """Of a person's several places on one day the one with the most people, and the others at all of them."""
    days: dict[tuple[str, object], list[Match]] = {}
    for match in matches:
        days.setdefault((match.person, match.day), []).append(match)
    for own in days.values():
        most = min(own, key=lambda match: (-float(match.facts["observed"]), str(match.facts[PLACE])))
        others = {person for match in own for person in str(match.facts[OTHERS]).split(SEPARATOR)}
        yield replace(most, facts={**most.facts, OTHERS: SEPARATOR.join(sorted(others))})
