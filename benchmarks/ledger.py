"""What the ledger costs an import, and how long it takes to prove from it and to hold a store against it."""

from __future__ import annotations

import argparse
import random
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.config import Config
from app.files import inputs_below
from app.heads import keep_heads
from app.ledgerdoctor import examine_ledger
from app.pipeline import ingest
from app.wiring import open_house
from benchmarks.company import in_large_files, logs
from core.merkle import cover
from store import manifest
from store.records import SqlRecords
from store.records.leaves import Leaves, add_leaves

BATCH = 20_000
WITHOUT = "without"


def import_once(folder: Path, data: Path, ledger: str) -> None:
    """Import, and with a ledger sign it; prints seconds by the clock and of the processor."""
    if ledger == WITHOUT:
        manifest.leaves_of = lambda *_: None  # type: ignore[assignment]
    with open_house(Config(data=data)) as house:
        inputs, _ = inputs_below(house.sources, folder)
        clock, processor = time.perf_counter(), time.process_time()
        ingest(house, inputs)
        keep_heads(house)
        print(time.perf_counter() - clock, time.process_time() - processor, house.events.count())


def compare(folder: Path, rounds: int) -> None:
    """Imports with and without a ledger in turn."""
    took: dict[str, list[tuple[float, float]]] = {"with": [], WITHOUT: []}
    events = 0
    for _ in range(rounds):
        for ledger, times in took.items():
            with tempfile.TemporaryDirectory() as data:
                line = [sys.executable, "-m", "benchmarks.ledger", "--import", str(folder), data, ledger]
                clock, processor, count = subprocess.run(line, stdout=subprocess.PIPE, check=True).stdout.split()
                times.append((float(clock), float(processor)))
                events = int(count)
    for number, name in enumerate(("clock", "processor")):
        one, other = (statistics.median(times[number] for times in took[ledger]) for ledger in ("with", WITHOUT))
        print(f"{name}: {one:.2f} s with, {other:.2f} s without a ledger, {100 * (one / other - 1):.1f} % more, "
              f"{1e6 * (one - other) / events:.1f} µs an event of {events:,}")  # fmt: skip


def timed(title: str, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    print(f"  {title}: {(time.perf_counter() - start) * 1e3:,.1f} ms")


def prove(leaves: int) -> None:
    """A ledger of so many leaves of nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "records.db"
        records = SqlRecords(f"sqlite:///{file}")
        start = time.perf_counter()
        known = [fill(records, min(BATCH, leaves - first)) for first in range(0, leaves, BATCH)]
        print(f"{leaves:,} leaves appended in {time.perf_counter() - start:.1f} s, "
              f"{file.stat().st_size / leaves:.0f} bytes a leaf")  # fmt: skip
        draw = random.Random(7)
        timed("one event's place", lambda: records.placed(known[:1]))
        timed("the places of an event of each batch", lambda: records.placed(known))
        nodes = cover(leaves, [leaves // 3])
        timed(f"an event's {len(nodes)} nodes", lambda: [records.node(node) for node in nodes])
        many = cover(leaves, sorted(draw.sample(range(leaves), leaves // 100)))
        timed(f"{len(many):,} nodes of one event in a hundred", lambda: [records.node(node) for node in many])
        records.close()


def fill(records: SqlRecords, count: int) -> str:
    """Append a batch; returns an id of it."""
    ids = sorted(secrets.token_bytes(16) for _ in range(count))
    data = secrets.token_bytes(32 * count)
    hashes = [data[at : at + 32] for at in range(0, len(data), 32)]
    now = datetime.now(UTC)
    leaves = Leaves(
        kind="event", source="bench", salt=secrets.token_bytes(16), ids=b"".join(ids), count=count,
        times=bytes(8 * count), accounts=bytes(8 * count), since=now, until=now, hashes={"sha256": hashes},
    )  # fmt: skip
    with records.database.writing() as connection:
        add_leaves(connection, leaves)
    return ids[count // 2].hex()


def doctor(folder: Path) -> None:
    """Import, then hold everything against the ledger."""
    with tempfile.TemporaryDirectory() as data, open_house(Config(data=Path(data))) as house:
        inputs, _ = inputs_below(house.sources, folder)
        ingest(house, inputs)
        keep_heads(house)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start = time.perf_counter()
        findings = list(examine_ledger(house))
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        assert all(finding.ok for finding in findings), findings
        print(
            f"doctor --ledger: {house.events.count() / seconds:,.0f} events/s, at most {peak:,.0f} MiB ({before:,.0f})"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=300)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--leaves", type=int, default=1_000_000)
    parser.add_argument("--large-files", action="store_true", help="JSON and CSV sources only, a file per kind of file")
    parser.add_argument("--only", choices=["import", "prove", "doctor"], help="one of the three")
    parser.add_argument("--import", dest="once", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.once:
        import_once(Path(asked.once[0]), Path(asked.once[1]), asked.once[2])
        return
    with tempfile.TemporaryDirectory() as large:
        folder = logs(asked)
        if asked.large_files:
            in_large_files(folder, Path(large))
            folder = Path(large)
        if asked.only in (None, "import"):
            compare(folder, asked.rounds)
        if asked.only in (None, "prove"):
            prove(asked.leaves)
        if asked.only in (None, "doctor"):
            doctor(folder)


if __name__ == "__main__":
    main()
