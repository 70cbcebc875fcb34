"""The events a judgement looks at, and at which of them each rule happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from detection.candidates import hits
from detection.correlations import Correlation
from detection.rule import Rule
from detection.windows import STAGE_THEN, TIME, Places

ORDER = ("person.id", TIME, "event.id")
NOWHERE: Places = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Happening:
    """Rows of the events at which a rule happens: `holds` at all at which it is true, `begins` where it comes to be so.
    A single-event rule begins anew with every event."""

    holds: Places
    begins: Places


class Seen:
    """Tagged events with everything joined, and `day`, sorted by `ORDER`. What a rule finds is looked up once, however
    many others build on it. `correlate` says where a correlation happens."""

    def __init__(
        self, events: pl.DataFrame, rules: Mapping[str, Rule], correlate: Callable[[Rule, Seen], Happening]
    ) -> None:
        self.events = events
        self._rules = rules
        self._correlate = correlate
        self._known: dict[str, Happening] = {}
        self._tagged = _by_tag(events)
        self._found: dict[str, Places] = {}
        self._left: np.ndarray[Any, np.dtype[np.bool_]] | None = None

    def among(self, events: pl.DataFrame) -> Seen:
        """The same rules, among other events."""
        return Seen(events, self._rules, self._correlate)

    def without(self, explained: pl.Series) -> Seen:
        """The same, as if rules did not happen at the `explained` events. What else a rule needs to know of these, as
        whether a value is new, stays known."""
        other = copy(self)
        other._known, other._left = {}, ~explained.to_numpy()
        return other

    def happens(self, name: str) -> Happening:
        """Where the rule happens, by rows of `events`."""
        if name not in self._known:
            rule = self._rules[name]
            for below in rule.nested:
                # The lowest first, so that a high tower is no deep recursion.
                self.happens(below)
            if rule.correlation:
                self._known[name] = self._correlate(rule, self)
            else:
                if name not in self._found:
                    self._found[name] = self._hits(rule)
                rows = self._found[name]
                rows = rows if self._left is None else rows[self._left[rows]]
                self._known[name] = Happening(rows, rows)
        return self._known[name]

    def hits(self, rule: Rule) -> dict[str, pl.DataFrame]:
        """The events at which each single-event rule at the bottom of a rule happens."""
        return {name: self.events[self.happens(name).holds] for name in rule.leaves}

    def never(self, rule: Rule) -> bool:
        """Whether no event bears a tag that the rule builds on: it then finds nothing."""
        return not any(len(self._tagged.get(name, NOWHERE)) for name in rule.leaves)

    def leaves(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The single-event rules at the bottom of each rule."""
        return {name: self._rules[name].leaves for name in names}

    def rows(self, rows: Places, columns: Iterable[str]) -> pl.DataFrame:
        """Some of the events, in order, with their place among all as `at`."""
        return self.events.select(list(dict.fromkeys(columns)))[rows].with_columns(pl.Series("at", rows, pl.Int64))

    def _hits(self, rule: Rule) -> Places:
        tagged = self._tagged.get(rule.name, NOWHERE)
        if (rule.exact is None and rule.extra.first_seen is None) or not len(tagged):
            return tagged
        found = hits(rule, self.events[tagged].with_columns(pl.Series("at", tagged, pl.Int64)))
        return np.sort(found["at"].to_numpy())


def grouped(window: Correlation, seen: Seen, *, leaves: Mapping[str, Iterable[str]] | None = None) -> pl.DataFrame:
    """The events a window looks at, sorted by its groups and time, an event once for each of its groups: where counts
    begin to hold, or, with `leaves`, at the single-event rules below each of its rules."""
    columns = [*ORDER[:2], "day", STAGE_THEN, "leaver.stage", *window.fields]
    found = {}
    for name in window.rules:
        parts = [seen.happens(leaf).holds for leaf in leaves[name]] if leaves else [seen.happens(name).begins]
        found[name] = _union(parts)
    if not window.aliases:
        rows = seen.rows(_union(found.values()), columns)
    else:
        frames = [_aliased(seen.rows(at, columns), name, window) for name, at in found.items()]
        rows = pl.concat(frames).unique([*window.group, "at"])
    return _sorted(rows, window, [])


def ruled(window: Correlation, seen: Seen) -> pl.DataFrame:
    """The events a temporal window looks at, one row per event and rule (column `rule`: its place)."""
    columns = [*ORDER[:2], "day", STAGE_THEN, "leaver.stage", *window.fields]
    frames = [
        _aliased(seen.rows(seen.happens(name).holds, columns), name, window).with_columns(
            pl.lit(place, pl.Int64).alias("rule")
        )
        for place, name in enumerate(window.rules)
    ]
    return _sorted(pl.concat(frames), window, ["rule"])


def _sorted(rows: pl.DataFrame, window: Correlation, more: list[str]) -> pl.DataFrame:
    # Row numbers are in the order of person, time and id already.
    if window.group == ORDER[:1] and not more and not window.aliases:
        return rows
    return rows.sort(*window.group, "at", *more)


def _aliased(rows: pl.DataFrame, rule: str, window: Correlation) -> pl.DataFrame:
    return rows.with_columns(
        pl.col(names[rule]).cast(pl.String).alias(alias) for alias, names in window.aliases.items()
    )


def _union(parts: Iterable[Places]) -> Places:
    several = list(parts)
    return several[0] if len(several) == 1 else np.unique(np.concatenate([NOWHERE, *several]))


def _by_tag(events: pl.DataFrame) -> dict[str, Places]:
    tags = events.select("rule.matched").with_row_index("at").explode("rule.matched", keep_nulls=False)
    rows = tags.group_by("rule.matched", maintain_order=True).agg(pl.col("at").cast(pl.Int64))
    return {name: at.to_numpy() for name, at in zip(rows["rule.matched"], rows["at"], strict=True)}
