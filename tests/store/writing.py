"""A writer in a process of its own, to be killed: `writing.py DATA BATCHES` appends and compacts, always the same."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from storing import START, a_batch, a_line, an_event, bad, lines

from core.batch import Batch
from core.ports import Mark
from store.records import SqlRecords
from store.segments import SegmentStore


def the_batch(number: int) -> Batch:
    """Events across three months, some lines, a bad record."""
    events = [an_event(number * 10 + at + (at % 3) * 50_000) for at in range(10)]
    waiting = lines(a_line(number, f"A{number}")).fragments
    return replace(a_batch(events, source="crm"), fragments=waiting, quarantined=[bad(number)], read=12)


def write(data: Path, batches: int) -> None:
    data.mkdir(exist_ok=True)
    records = SqlRecords(f"sqlite:///{data / 'records.db'}")
    store = SegmentStore(data / "events", records)
    print("ready", flush=True)
    for number in range(batches):
        batch = the_batch(number)
        day = START.date()
        store.append(batch, [Mark(subject=name, first=day, last=day) for name in batch.events["user.account"].unique()])
        if number % 5 == 4:
            store.compact()
    store.close()
    records.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
