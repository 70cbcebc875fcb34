"""Leavers of a department looked at together, from totals of what each of them took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from core.alert import MAX_EVENTS, PLACE, Alert, Fact, Match
from core.ports import EventQuery
from detection.behaviours.base import FOUND, Scene
from detection.behaviours.common import SHARED, Common
from detection.bench import Bench, Everybody, Span, bearing
from detection.rule import Rule
from detection.seen import Seen
from detection.windows import TIME


@dataclass(slots=True)
class Beside:
    """Of places where judged persons were: what others have because of these on the judged days, who the others are,
    and which places were looked at."""

    alerts: list[Alert] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)


def of_leavers(
    rule: Rule, behaviour: Common, seen: Seen, group: Sequence[Span], bench: Bench, beside: Beside
) -> Iterator[Match]:
    """What is found of leavers of the departments in which somebody of the group leaves, and of those beside them who
    are at the stage `pre_departure`, whoever of them is judged."""
    directory = bench.directory
    gone = directory.leavers() | bench.departing.keys()
    departments = {directory.person(person).department for person, _, _ in group if person in gone} - {""}
    days = (min(first for _, first, _ in group), max(last for _, _, last in group))
    asked = replace(bearing(group, bench, rule.reach), tagged=rule.leaves)
    for department in sorted(departments):
        mates = sorted(person for person in gone if directory.person(person).department == department)
        place = f"{department} ({rule.name})"
        beside.people |= set(mates)
        beside.places.add(place)
        if len(mates) < behaviour.people or directory.leavers().isdisjoint(mates):
            continue
        takings = _takings(mates, behaviour.field, asked, bench)
        scene = Scene(hits={rule.name: takings}, calendar=directory.calendar, company=Everybody(bench))
        for row in behaviour.find(scene).filter(pl.col("day").is_between(*days)).iter_rows(named=True):
            yield _match(rule, behaviour, row | {PLACE: place}, seen)


def _takings(persons: Sequence[str], field: str, asked: EventQuery, bench: Bench) -> pl.DataFrame:
    """When on each day each of these persons first took each value of the field, to the second."""
    directory = bench.directory
    accounts = directory.accounts_of([f"person:{person}" for person in persons])
    by = [field, "user.account", "day"]
    rows = bench.store.totals(replace(asked, accounts=accounts), by, directory.calendar.zone, times=True)
    rows = rows.filter(pl.col(field).is_not_null(), pl.col("user.account").is_not_null())
    taken = directory.join(rows.rename({"since": TIME}))
    # Of each value, account and day one row: an id of its own tells it from the others.
    return taken.filter(pl.col("person.id").is_in(persons)).with_row_index("event.id")


def _match(rule: Rule, behaviour: Common, row: Mapping[str, Any], seen: Seen) -> Match:
    """The match, with the person's own events where these were read."""
    shared = row[SHARED]
    hits = pl.concat(seen.hits(rule).values()).unique("event.id").sort(TIME, "event.id")
    own = hits.filter(
        pl.col("person.id") == row["person.id"],
        pl.col(behaviour.field).is_in(shared),
        pl.col(TIME) >= row["from"],
        pl.col("day") <= row["day"],
    )
    facts: dict[str, Fact] = {name: value for name, value in row.items() if name not in FOUND and name != SHARED}
    facts |= {"events": own.height, "example": shared[0]}
    return Match(
        rule=rule.name,
        person=str(row["person.id"]),
        day=row["day"],
        time=row["time"],
        facts=facts,
        events=tuple(own["event.id"].head(MAX_EVENTS)),
    )
