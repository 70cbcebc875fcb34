"""Events in Elasticsearch: a data stream per dataset; what belongs in transactions lies in the records database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from threading import Lock
from typing import Any
from uuid import uuid4

import polars as pl

from core.batch import FRAGMENT, Appended, Batch, Quarantined
from core.errors import Damaged, Unavailable
from core.ports import EventQuery, Mark, SourceStatus
from core.retention import Due, Expiry
from core.schema import SCHEMA, conform
from core.totals import DAY, whole
from store.elasticsearch.appending import Appender, Written
from store.elasticsearch.bulk import Bulk
from store.elasticsearch.conditions import asked_for
from store.elasticsearch.connection import Client, check_version
from store.elasticsearch.documents import (
    delete_line,
    fields_of,
    frame_of,
    frames_of,
    quarantined,
    update_lines,
)
from store.elasticsearch.expiring import due, expire, places
from store.elasticsearch.health import problems
from store.elasticsearch.searching import (
    AS_STORED,
    BY_TIME,
    NEWEST_FIRST,
    PAGE,
    Order,
    Query,
    between,
    buckets,
    count,
    every,
    none_of,
    one_of,
    pages,
    time_of,
    value_pages,
)
from store.elasticsearch.streams import roll_over
from store.elasticsearch.templates import BUILT, RULES, SOURCE, Names, install
from store.elasticsearch.totals import added_up, countable
from store.elasticsearch.values import formats, frame_of_values, in_columns, otherwise
from store.expiry import let_in_no_more, note_expiry, noted_expiry
from store.frames import ENDING, EVENT_ORDER, matching, seen_accounts, totalled, untagged_as_null
from store.frames import due as due_marks
from store.manifest import Manifest, Total, statuses
from store.records import SqlRecords

LINE_ORDER = (
    {"@timestamp": {"order": "asc", "numeric_type": "date_nanos"}},
    {"event.sequence": "asc"},
    {"event.id": "asc"},
)
BAD_ORDER = ({"source": "asc"}, {"file": "asc"}, {"sequence": "asc"}, {"id": "asc"})


class ElasticStore:
    """Adapter of `core.ports.EventStore`. Any number of processes and threads append and read.

    What is older than the last expiry is not taken any more, so that importing an old file again does not bring deleted
    data back; only accounts then on hold still get theirs.
    """

    def __init__(self, client: Client, records: SqlRecords, namespace: str) -> None:
        self._client = client
        self._records = records
        self._manifest = Manifest(records)
        self._names = Names(namespace)
        self._bulk = Bulk(client)
        self._appender = Appender(client, self._bulk, self._names)
        self._ready = self._behind = False
        self._catching_up = Lock()

    def append(self, batch: Batch, marks: Sequence[Mark]) -> Appended:
        self._begin_writing()
        expired = let_in_no_more(self._records)
        append = uuid4().hex
        unmarked = self._manifest.intend(append, marks)
        try:
            events = self._appender.events(batch, expired)
            fragments = self._appender.fragments(batch, expired)
            bad = self._appender.quarantine([*batch.quarantined, *events.refused, *fragments.refused])
        finally:
            self._behind = True
        touched = due_marks(marks, batch.events, events.new)
        touched += [mark for mark in marks if mark.subject in unmarked and mark not in touched]
        new = pl.concat([events.created, self._unlogged(events)])
        leaves = self._manifest.leaves(batch, new)
        self._manifest.add(batch, (), (), leaves, seen_accounts(events.kept), touched, append)
        stored = events.created.height + fragments.created.height
        given = batch.events.height + batch.fragments.height + len(batch.quarantined)
        return Appended(stored=stored, quarantined=bad, duplicate=given - stored - bad)

    def catch_up(self) -> None:
        with self._catching_up:
            self._behind = False
            try:
                self._client.indices.refresh(
                    index=f"{self._names.events},{self._names.lines},{self._names.quarantine}*"
                )
            except Unavailable:
                self._behind = True
                raise

    def read(self, query: EventQuery) -> pl.DataFrame:
        columns = list(query.columns or SCHEMA)
        bounds = asked_for(query)
        proof = pl.lit(True) if bounds.exact else matching(query)
        kept = list(dict.fromkeys([*columns, *EVENT_ORDER]))
        needed = list(dict.fromkeys([*kept, *proof.meta.root_names()]))
        if query.limit is None and in_columns(needed):
            found = pl.concat(self._columns(bounds.most, needed)).filter(proof)
            return found.sort(EVENT_ORDER, descending=query.newest).select(columns)
        frames, rows = [frame_of((), kept)], 0
        sort, likely = AS_STORED, query.limit
        if query.limit is not None:
            sort = NEWEST_FIRST if query.newest else BY_TIME
            likely = query.limit if bounds.exact else max(query.limit, PAGE // 10)
        for hits in self._pages(self._names.events, bounds.most, fields_of(needed), sort=sort, limit=likely):
            frames.append(frame_of([hit["_source"] for hit in hits], needed).filter(proof).select(kept))
            rows += frames[-1].height
            if query.limit is not None and rows >= query.limit:
                break
        found = pl.concat(frames).sort(EVENT_ORDER, descending=query.newest).select(columns)
        return found if query.limit is None else found.head(query.limit)

    def totals(
        self,
        query: EventQuery,
        by: Sequence[str],
        zone: str = "UTC",
        sums: Sequence[str] = (),
        *,
        times: bool = False,
    ) -> pl.DataFrame:
        self._see_own()
        bounds = asked_for(query)
        counted = countable(bounds.least, by, sums)
        found = added_up(self._client, self._names.events, counted, by, zone, sums, times=times)
        left = bounds.most if found is None else every(bounds.most, none_of(counted))
        frames = [] if found is None else [found]
        if found is None or count(self._client, self._names.events, left):
            narrow = totalled(query, by, zone, sums, times=times)
            needed = [*matching(query).meta.root_names(), *by, *sums, "@timestamp"]
            columns = list(dict.fromkeys(name for name in needed if name != DAY))
            for hits in self._pages(self._names.events, left, fields_of(columns)):
                rows = frame_of([hit["_source"] for hit in hits], columns)
                frames.append(narrow(rows.lazy()).collect())
        return whole(frames, by, sums, times=times)

    def fragments(self, source: str, keys: Collection[str], since: datetime, until: datetime) -> pl.DataFrame:
        wanted = every(one_of("source", [source]), one_of("key", keys), between(start=since, until=until))
        frames = [frame_of((), list(FRAGMENT))]
        for hits in self._pages(self._names.lines, wanted, list(FRAGMENT), sort=LINE_ORDER):
            frames.append(frame_of([hit["_source"] for hit in hits], list(FRAGMENT)))
        return pl.concat(frames)

    def quarantined(self, source: str | None = None) -> Iterator[Quarantined]:
        wanted = every(*([] if source is None else [one_of("source", [source])]))
        for hits in self._pages(f"{self._names.quarantine}*", wanted, ["*"], sort=BAD_ORDER):
            yield from (quarantined(hit["_source"]) for hit in hits)

    def release(self, ids: Collection[str]) -> None:
        self._begin_writing()
        self._bulk.send([delete_line(self._names.quarantine, one) for one in sorted(ids)])
        self._behind = True

    def retag(self, version: str, tag: Callable[[pl.DataFrame], pl.DataFrame]) -> int:
        self._begin_writing()
        tagged = 0
        stale = none_of(one_of(RULES, [version]))
        for hits in self._pages(self._names.events, stale, fields_of(SCHEMA)):
            events = untagged_as_null(conform(tag(frame_of([hit["_source"] for hit in hits], list(SCHEMA)))))
            self._bulk.send_all(update_lines(hits, events, version))
            self._behind = True
            tagged += len(hits)
        return tagged

    def stored(self) -> Iterator[pl.DataFrame | Damaged]:
        for hits in self._pages(self._names.events, every(), fields_of(SCHEMA)):
            yield from frames_of(hits)

    def count(self) -> int:
        self._see_own()
        return count(self._client, self._names.events)

    def newest(self) -> datetime | None:
        self._see_own()
        return time_of(self._client, self._names.events, order="desc")

    def sources(self) -> Sequence[SourceStatus]:
        self._see_own()
        return statuses(
            {source: self._total(source, rows) for source, rows in self._per(self._names.events, SOURCE).items()},
            self._per(f"{self._names.quarantine}*", "source"),
            self._manifest.ignored(),
            self._waiting(),
            self._records.account_sources(),
        )

    def problems(self) -> Sequence[str]:
        return problems(self._client, self._names)

    def compact(self) -> None:
        """The server merges by itself; what is left to do is to begin new indices."""
        roll_over(self._client, self._names.events)
        roll_over(self._client, self._names.lines)

    def due(self, expiry: Expiry) -> Due:
        self.catch_up()
        return due(self._client, self._names, expiry)

    def expire(self, expiry: Expiry, witness: Callable[[Due], None] = lambda _: None) -> Due:
        self._begin_writing()
        # Noted first: what is deleted while somebody appends must not come back.
        note_expiry(self._records, expiry)
        found = self.due(expiry)
        witness(found)
        expire(self._client, self._bulk, self._names, expiry)
        self._behind = True
        return found

    def close(self) -> None:
        self._bulk.close()
        self._client.close()

    def _begin_writing(self) -> None:
        if not self._ready:
            check_version(self._client)
            install(self._client, self._names)
            self._manifest.begin_ledger(self.count)
            self._ready = True

    def _unlogged(self, written: Written) -> pl.DataFrame:
        """Of the events that were stored before, as they are stored, those that the ledger does not have: whoever
        stored them died before they came into it, or there was none."""
        known = written.kept.join(written.created.select("event.id"), on="event.id", how="anti")
        left = self._not_in_ledger(known)
        if not left.height:
            return left
        # A record read again with another time zone has another time than the event that is stored.
        return self._not_in_ledger(self.read(EventQuery(ids=left["event.id"].to_list())))

    def _not_in_ledger(self, events: pl.DataFrame) -> pl.DataFrame:
        if not events.height:
            return events
        first, last = events.select(pl.col("@timestamp").min().alias("a"), pl.col("@timestamp").max().alias("b")).row(0)
        logged = self._records.placed_between(events["event.id"].to_list(), first, last)
        return events.filter(~pl.col("event.id").is_in(list(logged)))

    def _see_own(self) -> None:
        # Another thread that is catching up may bring what this one needs.
        with self._catching_up:
            behind = self._behind
        if behind:
            self.catch_up()

    def _columns(self, query: Query, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The columns of all that is asked for, of some events at a time."""
        yield frame_of((), columns)
        odd = otherwise(columns)
        for hits in self._pages(self._names.events, every(query, odd), fields_of(columns)):
            yield frame_of([hit["_source"] for hit in hits], columns)
        plain = every(query, none_of(odd))
        for values in value_pages(self._client, self._names.events, plain, formats(columns)):
            yield frame_of_values(values, columns)

    def _pages(
        self,
        index: str,
        query: Query,
        fields: Sequence[str],
        *,
        sort: Order = AS_STORED,
        limit: int | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        self._see_own()
        return pages(self._client, index, query, fields, sort=sort, limit=limit)

    def _per(self, index: str, field: str, *wanted: Query) -> dict[str, int]:
        return dict(buckets(self._client, index, every(*wanted), field))

    def _total(self, source: str, rows: int) -> Total:
        own = one_of(SOURCE, [source])
        first, last = (time_of(self._client, self._names.events, own, order=order) for order in ("asc", "desc"))
        return Total(rows=rows, first=first, last=last)

    def _waiting(self) -> dict[str, int]:
        """An event that was built was ended by a line, and both expire together unless the event is on hold."""
        expired = noted_expiry(self._records)
        events, lines = (none_of(place.old(expired)) for place in places(self._names))
        ended = self._per(self._names.lines, "source", one_of("kind", [ENDING]), lines)
        built = self._per(self._names.events, SOURCE, {"term": {BUILT: True}}, events) if ended else {}
        return {source: lines - built.get(source, 0) for source, lines in ended.items()}
