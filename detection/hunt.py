"""Looking back with a rule: through the judge, over a store that is read and never written.

Rules that tagged the stored events are read by their tags. Events are tagged here, in memory, with the others: as
much at a time as the judge reads at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl

from core.alert import Alert
from core.condition import All, Any, Condition
from core.ports import EventQuery, EventReader, Mark
from core.schema import SCHEMA
from core.totals import whole
from detection.bench import FIRST_DAY, LAST_DAY, Bench
from detection.derive import Surroundings
from detection.judge import Judged, judge
from detection.rulebook import RuleBook
from detection.tagging import Tagger

ROWS_AT_ONCE = 50_000
"""Events tagged at once."""
TAGS = "rule.matched"


class Retold:
    """The events of a store as some rules that never tagged them would have tagged them (`fresh`, by name, with a
    condition that holds of every event they may match). Other tags are those stored. For the judge, who asks for no
    pages."""

    def __init__(
        self, store: EventReader, book: RuleBook, surroundings: Surroundings, fresh: Mapping[str, Condition]
    ) -> None:
        self._store = store
        self._fresh = fresh
        self._zone = surroundings.calendar.zone
        self._calendar = surroundings.calendar
        rules = {name: rule for name, rule in book.rules.items() if name in fresh}
        self._tagger = Tagger(replace(book, rules=rules), surroundings)

    def read(self, query: EventQuery) -> pl.DataFrame:
        """The events asked for, ordered by (@timestamp, event.id)."""
        columns = list(query.columns or SCHEMA)
        frames = [self._tagged(rows, query.tagged).select(columns) for rows in self._pieces(query)]
        if not frames:
            return pl.DataFrame(schema={name: SCHEMA[name] for name in columns})
        found = pl.concat(frames)
        return found.unique("event.id").sort("@timestamp", "event.id") if "event.id" in columns else found

    def totals(
        self,
        query: EventQuery,
        by: Sequence[str],
        zone: str = "UTC",
        sums: Sequence[str] = (),
        *,
        times: bool = False,
    ) -> pl.DataFrame:
        """At least as many as there are: all events that the rules asked about may match."""
        if TAGS in by:
            parts = list(self._by_tag(query, by, zone, sums, times=times))
        else:
            parts = [self._store.totals(part, by, zone, sums, times=times) for part in self._parts(query)]
        return whole(parts, by, sums, times=times)

    def _by_tag(
        self, query: EventQuery, by: Sequence[str], zone: str, sums: Sequence[str], *, times: bool
    ) -> Iterator[pl.DataFrame]:
        """Totals by the tags stored, without those that are told anew here; then by each of these."""
        kept = replace(query, tagged=frozenset(query.tagged or ()) - self._asked(query))
        stored = self._store.totals(kept, by, zone, sums, times=times)
        yield stored.filter(~pl.col(TAGS).is_in(sorted(self._fresh)).fill_null(False))
        others = [name for name in by if name != TAGS]
        for name in sorted(self._asked(query)):
            may = self._store.totals(_that(query, self._fresh[name]), others, zone, sums, times=times)
            yield may.with_columns(pl.lit(name).alias(TAGS)).select(*by, pl.exclude(*by, TAGS))

    def _parts(self, query: EventQuery) -> list[EventQuery]:
        """What to ask of the store: events by their stored tags, and those to be tagged here."""
        fresh = self._asked(query)
        kept = frozenset(query.tagged or ()) - fresh
        parts = [replace(query, tagged=kept)] if kept or not fresh else []
        if fresh:
            parts.append(_that(query, Any(tuple(self._fresh[name] for name in sorted(fresh)))))
        return parts

    def _asked(self, query: EventQuery) -> frozenset[str]:
        return frozenset(self._fresh if query.tagged is None else self._fresh.keys() & set(query.tagged))

    def _pieces(self, query: EventQuery) -> Iterator[pl.DataFrame]:
        for part in self._parts(query):
            for start, end in self._slices(part):
                after: tuple[datetime, str] | None = None
                while True:
                    rows = self._store.read(
                        replace(part, columns=tuple(SCHEMA), start=start, end=end, after=after, limit=ROWS_AT_ONCE)
                    )
                    if rows.height:
                        yield rows
                    if rows.height < ROWS_AT_ONCE:
                        break
                    after = (rows["@timestamp"][-1], rows["event.id"][-1])

    def _slices(self, query: EventQuery) -> Iterator[tuple[datetime | None, datetime | None]]:
        """Times whose events are few enough to be read at once, where a day's are."""
        days = self._store.totals(query, ["day"], self._zone).sort("day")
        edges = [query.start]
        held = 0
        for day, events in days.select("day", "events").iter_rows():
            if held and held + events > ROWS_AT_ONCE:
                edges.append(self._calendar.start_of(day))
                held = 0
            held += events
        if held:
            yield from zip(edges, [*edges[1:], query.end], strict=True)

    def _tagged(self, rows: pl.DataFrame, wanted: Collection[str] | None) -> pl.DataFrame:
        """The events with the tags they would have; those that have one of the wanted."""
        stored = rows[TAGS]
        new = self._tagger.tag(rows)[TAGS]
        others = pl.col("stored").list.set_difference(sorted(self._fresh)).fill_null([])
        tags = pl.select(stored.alias("stored"), new.alias("new")).select(
            others.list.concat(pl.col("new").fill_null([])).list.sort().alias(TAGS)
        )[TAGS]
        told = rows.with_columns(tags)
        if wanted is None:
            return told
        return told.filter(pl.col(TAGS).list.set_intersection(sorted(wanted)).list.len() > 0)


def _that(query: EventQuery, may: Condition) -> EventQuery:
    """Asks for the events of which the condition holds, whatever their tags."""
    return replace(query, tagged=None, condition=may if query.condition is None else All((query.condition, may)))


def only(book: RuleBook, names: Collection[str]) -> RuleBook:
    """The book with nothing but these rules raising alerts, building blocks among them too."""
    rules = {name: rule.aloud() if name in names else rule.silent() for name, rule in book.rules.items()}
    return replace(book, rules=rules)


def hunt(names: Collection[str], bench: Bench, since: datetime | None, until: datetime | None) -> Iterator[Judged]:
    """What these rules find, everybody judged: alerts raised from `since` to before `until`, some persons at a time.
    Nothing is written and no mark is given back."""
    calendar = bench.directory.calendar
    lookback = max((bench.book.rules[name].extra.lookback for name in names), default=0)
    first = FIRST_DAY if since is None else calendar.day_of(since)
    last = LAST_DAY if until is None else calendar.day_of(until)
    marks = [Mark(subject="*", first=_before(first, lookback), last=last)]
    for judged in judge(marks, replace(bench, book=only(bench.book, names))):
        alerts = [alert for alert in judged.alerts if _within(alert, since, until)]
        yield replace(judged, marks=(), alerts=alerts)


def _within(alert: Alert, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or alert.time >= since) and (until is None or alert.time < until)


def _before(day: date, days: int) -> date:
    return max(FIRST_DAY, day - timedelta(days=days)) if day > FIRST_DAY else FIRST_DAY
