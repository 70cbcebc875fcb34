"""Looking back with a rule: through the judge, over a store that is read and never written.

Rules that tagged the stored events are read by their tags. With the others events are tagged here, some at a time, and
laid aside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl

from core.alert import Alert
from core.condition import All, Any, Condition, Is, Not
from core.ports import EventQuery, EventReader, EventsAside, Mark
from core.schema import SCHEMA
from core.totals import whole
from detection.behaviours.joint import Joint
from detection.bench import FIRST_DAY, LAST_DAY, Bench
from detection.derive import Surroundings
from detection.judge import Judged, judge
from detection.rule import RECORD
from detection.rulebook import RuleBook
from detection.tagging import Tagger

ROWS_AT_ONCE = 50_000
"""Events tagged at once."""
TAGS = "rule.matched"
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class Retold:
    """The events of a store as some rules that never tagged them would have tagged them (`fresh`, by name, with a
    condition that holds of every event they may match). Other tags are those stored. For the judge, who asks for no
    pages.

    What fresh rules match is laid `aside` the first time that its days are asked for, so that it is tagged once however
    often it is asked for, and totals count just what is read."""

    def __init__(
        self,
        store: EventReader,
        book: RuleBook,
        surroundings: Surroundings,
        fresh: Mapping[str, Condition],
        aside: EventsAside,
    ) -> None:
        self._store = store
        self._fresh = frozenset(fresh)
        self._may = Any(tuple(fresh[name] for name in sorted(fresh)))
        self._zone = surroundings.calendar.zone
        self._calendar = surroundings.calendar
        rules = {name: rule for name, rule in book.rules.items() if name in fresh}
        self._tagger = Tagger(replace(book, rules=rules), surroundings)
        self._unread = RECORD.difference(*(rule.fields for rule in book.rules.values()))
        self._aside = aside
        self._told: tuple[datetime, datetime] | None = None

    def read(self, query: EventQuery) -> pl.DataFrame:
        """The events asked for, ordered by (@timestamp, event.id)."""
        columns = list(query.columns or SCHEMA)
        whole_query = replace(query, columns=tuple(dict.fromkeys([*columns, "@timestamp", "event.id", TAGS])))
        told, kept = self._parts(whole_query)
        frames = [self._aside.read(told)] if told else []
        if kept:
            frames.append(self._store.read(kept).with_columns(self._without_fresh()))
        # What lies aside has all its tags, those stored and those told anew, and stands first.
        found = pl.concat(frames).unique("event.id", keep="first", maintain_order=True)
        return found.sort("@timestamp", "event.id").select(columns)

    def totals(
        self,
        query: EventQuery,
        by: Sequence[str],
        zone: str = "UTC",
        sums: Sequence[str] = (),
        *,
        times: bool = False,
    ) -> pl.DataFrame:
        """As of any store, by the tags told anew."""
        told, kept = self._parts(query)
        if TAGS in by:
            parts = []
            if told:
                new = self._aside.totals(told, by, zone, sums, times=times)
                parts.append(new.filter(pl.col(TAGS).is_in(sorted(self._fresh))))
            if kept:
                stored = self._store.totals(kept, by, zone, sums, times=times)
                parts.append(stored.filter(~pl.col(TAGS).is_in(sorted(self._fresh)).fill_null(False)))
            return whole(parts, by, sums, times=times)
        if told and kept and kept.tagged is not None:
            told = _with(told, Not(Any(tuple(Is(TAGS, name) for name in sorted(kept.tagged)))))
        elif kept and kept.tagged is None:
            told = None
        frames = [self._aside.totals(told, by, zone, sums, times=times)] if told else []
        frames += [self._store.totals(kept, by, zone, sums, times=times)] if kept else []
        return whole(frames, by, sums, times=times)

    def _parts(self, query: EventQuery) -> tuple[EventQuery | None, EventQuery | None]:
        """What to ask of what lies aside, and of the store: events by tags told anew, and by those stored."""
        asked = self._fresh if query.tagged is None else self._fresh & frozenset(query.tagged)
        others = None if query.tagged is None else frozenset(query.tagged) - asked
        if asked:
            self._tell(query.start or EARLIEST, query.end or LATEST)
        told = replace(query, tagged=asked) if asked else None
        return told, replace(query, tagged=others) if others or others is None or not asked else None

    def _tell(self, start: datetime, end: datetime) -> None:
        """Lay aside what the fresh rules match between two moments, as far as that has not been done."""
        if self._told is None:
            gaps = [(start, end)]
        else:
            first, last = self._told
            gaps = [gap for gap in ((start, first), (last, end)) if gap[0] < gap[1]]
            start, end = min(start, first), max(end, last)
        for since, until in gaps:
            for rows in self._pieces(EventQuery(start=since, end=until, condition=self._may)):
                told = self._tagged(rows)
                if told.height:
                    self._aside.add(told.drop(self._unread))
        self._told = start, end

    def _pieces(self, query: EventQuery) -> Iterator[pl.DataFrame]:
        for start, end in self._slices(query):
            after: tuple[datetime, str] | None = None
            while True:
                rows = self._store.read(replace(query, start=start, end=end, after=after, limit=ROWS_AT_ONCE))
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

    def _tagged(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of the events that fresh rules match, with the tags they would have."""
        new = self._tagger.tag(rows)[TAGS]
        others = rows.select(self._without_fresh())[TAGS]
        tags = pl.select(others.alias("others"), new.alias("new")).select(
            pl.col("others").fill_null([]).list.concat(pl.col("new")).list.sort().alias(TAGS)
        )[TAGS]
        return rows.with_columns(tags).filter(new.is_not_null())

    def _without_fresh(self) -> pl.Expr:
        return pl.col(TAGS).list.set_difference(sorted(self._fresh))


def _with(query: EventQuery, also: Condition) -> EventQuery:
    return replace(query, condition=also if query.condition is None else All((query.condition, also)))


def spoken(book: RuleBook, names: Collection[str]) -> frozenset[str]:
    """Some rules, and those that say whose stage is `pre_departure`: every alert tells the stage."""
    return frozenset(names) | {rule.name for rule in book.judged if isinstance(rule.behaviour, Joint)}


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
    for judged in judge(marks, replace(bench, book=only(bench.book, spoken(bench.book, names)))):
        alerts = [alert for alert in judged.alerts if alert.rule in names and _within(alert, since, until)]
        yield replace(judged, marks=(), alerts=alerts)


def _within(alert: Alert, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or alert.time >= since) and (until is None or alert.time < until)


def _before(day: date, days: int) -> date:
    return max(FIRST_DAY, day - timedelta(days=days)) if day > FIRST_DAY else FIRST_DAY
