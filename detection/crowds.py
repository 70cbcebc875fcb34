"""What is found of several persons together, and what judging some of them means for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from core.alert import Alert, Match
from core.condition import Any, Is
from detection import behaviours
from detection.bench import Bench, Everybody, Span, bearing, columns, joined
from detection.holding import happening
from detection.outcomes import Outcomes
from detection.rule import Rule
from detection.seen import Seen

VALUES_AT_ONCE = 200


@dataclass(slots=True)
class Beside:
    """Of places where judged persons were together with others: the others' alerts on the judged days, all that they
    have because of these places, and who was where."""

    alerts: list[Alert] = field(default_factory=list)
    places: set[tuple[str, str]] = field(default_factory=set)


def of_crowds(
    rules: Sequence[Rule], events: pl.DataFrame, group: Sequence[Span], bench: Bench, beside: Beside
) -> Iterator[Match]:
    """What is found of several persons together, where one of the group is among them; what others have goes beside."""
    together = [(rule, one, one.crowd) for rule in rules if (one := rule.behaviour) and one.crowd]
    if not together:
        return
    people = {person for person, _, _ in group}
    first, last = min(first for _, first, _ in group), max(last for _, _, last in group)
    seen = Seen(events, bench.book.rules, happening)
    for rule, behaviour, place in together:
        others = _crowd(rule, place, seen, group, bench)
        met = others.events.select("person.id", place).drop_nulls().unique()
        beside.places |= {(person, where) for person, where in met.iter_rows() if person not in people}
        outcomes, calendar = Outcomes(others.events, bench, ()), bench.directory.calendar
        for match in behaviours.find(rule, behaviour, others.hits(rule), calendar, Everybody(bench), None):
            if match.person in people:
                yield match
            elif first <= match.day <= last:
                beside.alerts.append(outcomes.alert(match))


def _crowd(rule: Rule, place: str, seen: Seen, group: Sequence[Span], bench: Bench) -> Seen:
    """The events of anybody that have a value of the field `place` in common with the group's."""
    own = [rows[place] for rows in seen.hits(rule).values()]
    values = pl.concat(own).drop_nulls().unique().sort().to_list()
    asked = [rule, *(bench.book.rules[name] for name in rule.leaves)]
    between = replace(bearing(group, bench, rule.reach), tagged=rule.leaves, columns=columns(asked, bench.grounds))
    frames = [
        bench.store.read(replace(between, condition=Any(tuple(Is(place, value) for value in some))))
        for some in (values[start : start + VALUES_AT_ONCE] for start in range(0, len(values), VALUES_AT_ONCE))
    ]
    whole = joined(pl.concat(frames).unique("event.id"), bench) if frames else seen.events.clear()
    return Seen(whole, bench.book.rules, happening)
