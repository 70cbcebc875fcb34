"""A writer in a process of its own, to be killed: `writing.py DATA BATCHES [STEP]` appends and compacts, always the
same. With STEP it kills itself before that renaming, removal or commit, counted from the first new file on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import sqlalchemy
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


def strike_at(step: int, strike: Callable[[], None]) -> None:
    """Before that renaming, removal or writing commit of this process, counted from the first sealed file on."""
    steps = 0

    def before(counts: bool) -> None:
        nonlocal steps
        steps += counts or steps > 0
        if steps == step:
            steps += 1
            strike()

    def watched(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("os.rename", "os.remove"):
            before(str(arguments[0]).endswith((".parquet.part", ".npy.part")))

    def committing(connection: sqlalchemy.Connection) -> None:
        if connection.get_execution_options().get("writing"):
            before(False)

    sys.addaudithook(watched)
    sqlalchemy.event.listen(sqlalchemy.Engine, "commit", committing)


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
    if len(sys.argv) > 3:
        strike_at(int(sys.argv[3]), lambda: os.kill(os.getpid(), signal.SIGKILL))
    write(Path(sys.argv[1]), int(sys.argv[2]))
