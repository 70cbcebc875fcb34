"""The one loop that brings files into the store: read, tag, store and mark, assemble joined lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from threading import Thread

import polars as pl

from app.wiring import House
from core.batch import Appended, Batch, Tally
from core.errors import Refused, Unreadable
from core.ports import Bus, EventQuery
from detection.marking import touched
from detection.others import touched_others
from detection.tagging import Tagger
from ingest.catalog import Source
from store.local_bus import LocalBus

SMALL_SEGMENTS = 32
LIFETIME = timedelta(days=10)
"""Lines of one event lie within it: a mail server gives up on a mail long before."""


@dataclass(frozen=True, slots=True)
class Input:
    """A file and the source that reads it."""

    source: Source
    path: Path


@dataclass(slots=True)
class Imported:
    """What an import did: a tally per source, and the files that were refused, with the reason."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    refused: list[tuple[Path, str]] = field(default_factory=list)

    def refuse(self, path: Path, error: Refused) -> None:
        self.refused.append((path, str(error)))

    def tally(self, source: str) -> Tally:
        return self.tallies.setdefault(source, Tally())


def ingest(house: House, inputs: Iterable[Input], progress: Callable[[Batch], None] | None = None) -> Imported:
    """Bring files in. Safe to repeat and to kill: what is stored stays stored once, the rest comes next time."""
    imported = Imported()
    tagger = house.tagger()
    bus = LocalBus(depth=2)
    reader = Thread(target=_read, args=(inputs, tagger, bus, imported), name="reader", daemon=True)
    reader.start()
    for number, delivery in enumerate(bus.batches(), start=1):
        with delivery as batch:
            imported.tally(batch.source).add(batch, keep(house, tagger, batch))
        if progress:
            progress(batch)
        if number % SMALL_SEGMENTS == 0:
            house.events.compact()
    reader.join()
    house.events.compact()
    return imported


def _read(inputs: Iterable[Input], tagger: Tagger, bus: Bus, imported: Imported) -> None:
    try:
        for source, items in groupby(inputs, key=lambda item: item.source):
            for batch in source.read((item.path for item in items), imported.refuse):
                bus.publish(tagged(batch, tagger))
        bus.end()
    except BaseException as error:  # handed to the consumer, which raises it
        bus.fail(error)


def tagged(batch: Batch, tagger: Tagger) -> Batch:
    """The batch with `rule.matched` filled by this version of the rules."""
    return replace(batch, events=tagger.tag(batch.events), rules_version=tagger.version)


def keep(house: House, tagger: Tagger, batch: Batch) -> Appended:
    """Store a tagged batch, mark whom it touches, and build the events it completes."""
    appended = _store(house, batch)
    if batch.fragments.height:
        _assemble(house, tagger, house.sources[batch.source], batch)
    return appended


def _store(house: House, batch: Batch) -> Appended:
    """Store a tagged batch and mark whom it touches."""
    today = house.calendar.day_of(datetime.now(UTC))
    others = touched_others(batch.events, house.calendar, house.book, today, house.heard, house.records.filings)
    marks = [*touched(batch.events, house.calendar, house.book), *others.marks]
    appended = house.events.append(batch, marks)
    house.heard.update(others.heard)
    return appended


def _assemble(house: House, tagger: Tagger, source: Source, batch: Batch) -> None:
    """Build the events whose last missing line this batch brought. Lines known already are tried again: a kill may
    have come between storing the lines and storing the event."""
    keys = batch.fragments["key"].unique().to_list()
    times = batch.fragments.select(
        (pl.col("@timestamp").min() - LIFETIME).alias("since"), (pl.col("@timestamp").max() + LIFETIME).alias("until")
    ).row(0, named=True)
    events = tagger.tag(source.assemble(house.events.fragments(source.name, keys, **times)))
    if events.height:
        built = Batch(source=batch.source, read=0, events=events, rules_version=tagger.version)
        _store(house, built)


def replay(house: House, source: str | None = None) -> tuple[int, int]:
    """Read quarantined records again; returns how many became events and how many stay."""
    tagger = house.tagger()
    freed = left = 0
    for bad in list(house.events.quarantined(source)):
        try:
            events = tagger.tag(house.sources[bad.source].parse_record(bad))
        except (Unreadable, KeyError):
            left += 1
            continue
        batch = Batch(source=bad.source, read=1, events=events, rules_version=tagger.version)
        _store(house, batch)
        if house.events.read(EventQuery(ids=events["event.id"].to_list(), columns=["event.id"])).height < events.height:
            left += 1  # the store refuses what it refused before
            continue
        house.events.release([bad.id])
        freed += 1
    return freed, left
