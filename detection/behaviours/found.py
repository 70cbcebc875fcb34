"""From what a behaviour found to matches: facts of the rule, and what the events say in any case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from core.alert import MAX_EVENTS, PLACE, Fact, Match
from core.model import votes_from_json
from detection.behaviours.base import FOUND
from detection.behaviours.unusual import VOTES
from detection.evidence import EXAMPLES
from detection.windows import TIME


def matches(rule: str, events: pl.DataFrame, found: pl.DataFrame, crowd: str | None = None) -> list[Match]:
    """One match per row of `found`, with the person's events from `from` to the end of the day; those to the
    `destination` found, where that is what ties a crowd."""
    parts = events.partition_by("person.id", as_dict=True, maintain_order=True)
    own = {key[0]: frame for key, frame in parts.items()}
    rows = found.sort("person.id", "day").iter_rows(named=True)
    return [
        _match(rule, row, _between(_at(own[row["person.id"]], crowd, row), row["from"], row["day"])) for row in rows
    ]


def _at(events: pl.DataFrame, crowd: str | None, row: Mapping[str, Any]) -> pl.DataFrame:
    return events.filter(pl.col(crowd) == row[PLACE]) if crowd else events


def _between(events: pl.DataFrame, start: datetime, day: date) -> pl.DataFrame:
    first = events[TIME].search_sorted(start, "left")
    last = events["day"].search_sorted(day, "right")
    return events.slice(first, max(1, last - first))


def _match(rule: str, row: Mapping[str, Any], events: pl.DataFrame) -> Match:
    facts: dict[str, Fact] = {"events": events.height}
    told = (name for name, value in row.items() if name not in FOUND and name != VOTES and value is not None)
    facts |= {name: _fact(row[name]) for name in told}
    for field, name in (("data.records", "records"), ("data.bytes", "bytes")):
        if total := events[field].sum():
            facts.setdefault(name, int(total))
    examples = (str(values[0]) for field in EXAMPLES if (values := events[field].drop_nulls()).len())
    if example := next(examples, None):
        facts.setdefault("example", example)
    facts["first"], facts["last"] = (_text(moment) for moment in (events[TIME][0], events[TIME][-1]))
    return Match(
        rule=rule,
        person=row["person.id"],
        day=row["day"],
        time=row["time"],
        facts=facts,
        events=tuple(events["event.id"].head(MAX_EVENTS)),
        votes=votes_from_json(row[VOTES]) if VOTES in row else (),
    )


def _fact(value: Any) -> Fact:
    if isinstance(value, str):
        return value
    return int(value) if float(value).is_integer() else round(float(value), 2)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
