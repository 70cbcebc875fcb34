"""The service under load: 50 people at work at the same time against 1M alerts and 10M events, from this machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from access.keys import allowed, new_key
from access.noting import changed
from app.config import load
from app.wiring import records_of
from benchmarks.load_company import Size, company
from benchmarks.load_users import Seen, all_at_work
from core.access import Role
from core.users import User
from store.records import SqlRecords

LIMIT = 0.100
"""Seconds that 19 of 20 answers may take."""
PATIENCE = 600.0


def measure(size: Size, users: int, think: float, seconds: float, closed: float) -> bool:
    """Print how long answers took, first of people who think, then of as many who do not; whether the first were quick
    enough and none an error."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        # What is kept between runs is not written to.
        shutil.copytree(company(size), data, copy_function=_linked)
        keys = _keys(data, users)
        with _serving(data) as (port, process):
            before = _processor(process)
            seen = asyncio.run(all_at_work(port, keys, think, seconds))
            good = _told(f"{users} users, {think:g} s between looks, {seconds:g} s", seen)
            answers = sum(map(len, seen.seconds.values()))
            took = _processor(process) - before
            print(f"{answers / seconds:,.0f} answers/s, {1e3 * took / answers:.1f} ms of the processor each")
            if closed:
                seen = asyncio.run(all_at_work(port, keys, 0, closed))
                answers = sum(map(len, seen.seconds.values()))
                _told(f"{users} users who never pause, {closed:g} s: {answers / closed:,.0f} answers/s", seen)
            print(f"memory of the service: {_memory(process):,} MiB")
    return good


def _keys(data: Path, users: int) -> list[str]:
    """What so many analysts call with."""
    with closing(records_of(load(data))) as records:
        return [_key(records, f"analyst-{number}") for number in range(users)]


def _key(records: SqlRecords, name: str) -> str:
    at = datetime.now(UTC)
    user = User(name=name, roles=frozenset({Role.ANALYST}), created=at)
    records.add_user(user, changed("load", name, at, "user added"))
    key, text = new_key(user, "load", allowed(user), 1, at)
    records.add_key(key, changed("load", name, at, "key made"))
    return text


def _told(title: str, seen: Seen) -> bool:
    print(f"{title}; {len(seen.errors)} errors")
    for error in seen.errors[:5]:
        print(f"  {error}")
    worst = 0.0
    for what, seconds in sorted(seen.seconds.items()):
        p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
        worst = max(worst, p95)
        named = {"p50": p50, "p95": p95, "p99": p99, "most": max(seconds)}
        told = ", ".join(f"{name} {value * 1e3:,.0f} ms" for name, value in named.items())
        print(f"  {what}: {len(seconds):,} answers, {told}")
    print(f"  the largest p95 is {worst / LIMIT:.2f} of the limit")
    return worst <= LIMIT and not seen.errors and bool(seen.seconds)


@contextmanager
def _serving(data: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The service as anybody starts it, until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"HOST": "127.0.0.1", "PORT": str(port)}
    # All come from one address, and some never pause.
    settings |= {"CALLER_PER_MINUTE": "0", "ADDRESS_PER_MINUTE": "0"}
    environment = os.environ | {f"LEAVERWATCH_API_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "app", "--data", str(data), "serve"]
    start = time.monotonic()
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            while not _answers(port):
                if process.poll() is not None or time.monotonic() - start > PATIENCE:
                    raise SystemExit("the service does not start")
                time.sleep(0.2)
            print(f"the service answered after {time.monotonic() - start:.0f} s")
            yield port, process
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _processor(process: subprocess.Popen[bytes]) -> float:
    """Seconds that the service's processes have worked."""
    ticks = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in _pids(process))
    return sum(int(tick) for some in ticks for tick in some) / os.sysconf("SC_CLK_TCK")


def _memory(process: subprocess.Popen[bytes]) -> int:
    """MiB of the service's processes, what they share counted once."""
    lines = (line for pid in _pids(process) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


def _pids(process: subprocess.Popen[bytes]) -> list[int]:
    return [process.pid, *map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())]


def _linked(source: str, target: str) -> None:
    """Sealed files never change; the database does."""
    if source.endswith((".parquet", ".npy")):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    whole = Size()
    for name in ("persons", "events", "alerts", "cases"):
        parser.add_argument(f"--{name}", type=int, default=getattr(whole, name))
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--think", type=float, default=1.0, help="seconds between two looks of one user")
    parser.add_argument("--seconds", type=float, default=60.0, help="600 for the figure")
    parser.add_argument("--closed", type=float, default=20.0, help="seconds without pauses; 0: not at all")
    asked = parser.parse_args(arguments)
    size = Size(persons=asked.persons, events=asked.events, alerts=asked.alerts, cases=asked.cases)
    if not measure(size, asked.users, asked.think, asked.seconds, asked.closed):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
