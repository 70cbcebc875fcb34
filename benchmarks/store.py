"""The event store alone: append and replay rates, bytes an event, memory, and how long questions take as it grows."""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from core.batch import Batch
from core.ports import EventQuery, Mark
from core.schema import conform
from store.records import SqlRecords
from store.segments import SegmentStore

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, ACCOUNTS, ROWS = 180, 2_000, 20_000
COMPACT_EVERY = 64
RULES = [f"rule_{number}" for number in range(40)]
FEW = ["@timestamp", "event.id", "user.account", "rule.matched", "data.records"]


def batches(rows: int, seed: int = 7, accounts: int = ACCOUNTS, at_once: int = ROWS) -> Iterator[Batch]:
    """Batches in order of time over 180 days; one event in five is tagged, originals have 340 bytes."""
    draw = np.random.default_rng(seed)
    words = np.array([f"Quarterly account review {number:03}" for number in range(500)])
    paths = np.array([f"/share/sales/customer-{number:05}/offer-{number % 37}.xlsx" for number in range(20_000)])
    for first in range(0, rows, at_once):
        count = min(at_once, rows - first)
        seconds = np.sort((first + draw.random(count) * count * 1.1) / rows * DAYS * 86_400)
        who = (draw.pareto(1.2, count) * 40).astype(np.int64) % accounts
        ids = draw.bytes(16 * count)
        tagged = draw.random(count) < 0.2
        frame = pl.DataFrame(
            {
                "@timestamp": pl.Series((seconds * 1e6).astype(np.int64)) + int(START.timestamp() * 1e6),
                "event.id": [ids[at : at + 16].hex() for at in range(0, 16 * count, 16)],
                "user.account": [f"login:user{number}" for number in who],
                "event.action": np.array(["view", "download", "export", "modify"])[draw.integers(0, 4, count)],
                "event.sequence": np.arange(first, first + count),
                "file.path": paths[draw.integers(0, 20_000, count)],
                "email.subject": words[draw.integers(0, 500, count)],
                "source.ip": [f"10.0.{number % 250}.{number % 97}" for number in who],
                "data.records": draw.integers(0, 5_000, count),
                "rule.matched": [
                    [RULES[number % 40]] if hit else None for number, hit in zip(who, tagged, strict=True)
                ],
            }
        ).with_columns(
            pl.col("@timestamp").cast(pl.Datetime("us", "UTC")),
            pl.concat_str(
                pl.lit('{"EVENT_TYPE":"ReportExport","REQUEST_ID":"'),
                "event.id",
                pl.lit('","USER_NAME":"'),
                "user.account",
                pl.lit('","URI":"'),
                "file.path",
                pl.lit('","TITLE":"'),
                "email.subject",
                pl.lit('","CLIENT":"' + "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140 " * 3 + '"}'),
            ).alias("event.original"),
        )
        yield Batch(source="bench", read=count, events=conform(frame), rules_version="1")


def marks_of(batch: Batch) -> list[Mark]:
    day = START.date()
    return [Mark(subject=account, first=day, last=day) for account in batch.events["user.account"].unique().sort()]


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def import_all(store: SegmentStore, rows: int) -> tuple[float, float]:
    """Seconds spent appending and compacting."""
    appending = compacting = 0.0
    for number, batch in enumerate(batches(rows), start=1):
        marks = marks_of(batch)
        start = time.perf_counter()
        store.append(batch, marks)
        appending += time.perf_counter() - start
        if number % COMPACT_EVERY == 0:
            compacting += timed(store.compact)
    return appending, compacting + timed(store.compact)


def questions(store: SegmentStore) -> dict[str, EventQuery]:
    newest = store.newest() or START
    one, fifty = ["login:user77"], [f"login:user{number}" for number in range(500, 550)]
    month = newest - timedelta(days=31)
    return {
        "one account, last day, all columns": EventQuery(start=newest - timedelta(days=1), accounts=one),
        "one account, all days, all columns": EventQuery(accounts=one),
        "one account, all days, tagged, few columns": EventQuery(accounts=one, tagged=RULES, columns=FEW),
        "50 accounts, all days, tagged, few columns": EventQuery(accounts=fifty, tagged=RULES, columns=FEW),
        "everybody, 31 days, tagged, few columns": EventQuery(start=month, tagged=RULES, columns=FEW),
        "everybody, all days, tagged, few columns": EventQuery(tagged=RULES, columns=FEW),
    }


def measure(rows: int, replayed: int) -> None:
    folder = Path(tempfile.mkdtemp())
    records = SqlRecords(f"sqlite:///{folder / 'records.db'}")
    store = SegmentStore(folder / "events", records)
    appending, compacting = import_all(store, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    again = [batch for batch, _ in zip(batches(rows), range(replayed), strict=False)]
    seconds = timed(lambda: [store.append(batch, marks_of(batch)) for batch in again])
    sizes = [file.stat().st_size for file in (folder / "events").iterdir()]
    print(f"{rows:,} events, {len(sizes)} files, {sum(sizes) / rows:,.0f} bytes an event on disk")
    print(f"  peak memory of the import {peak:,.0f} MiB")
    print(f"  append {rows / appending:,.0f}/s, with compaction {rows / (appending + compacting):,.0f}/s")
    print(f"  known ids again {sum(batch.read for batch in again) / seconds:,.0f}/s")
    for title, query in questions(store).items():
        found = store.read(query).height
        best = min(timed(lambda query=query: store.read(query)) for _ in range(3))
        print(f"  {title}: {found:,} rows in {best * 1e3:,.0f} ms")
    print(
        f"  events per account: {timed(lambda: store.totals(EventQuery(tagged=RULES), ['user.account'])) * 1e3:,.0f} ms"
    )
    store.close()
    records.close()
    shutil.rmtree(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000], help="events; several sizes show the growth")
    parser.add_argument("--replayed", type=int, default=10, help="batches appended a second time")
    asked = parser.parse_args(arguments)
    for rows in asked.rows:
        measure(rows, asked.replayed)


if __name__ == "__main__":
    main()
