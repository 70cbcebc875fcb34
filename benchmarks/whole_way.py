"""Records a second of the whole way (read, tag, store, judge), the peak of memory, and bytes on disk."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.company import asked, in_large_files, logs


def main(arguments: Sequence[str] | None = None) -> None:
    """Import a company's logs into a fresh data directory in a process of its own and print what it took."""
    size = asked(__doc__, arguments)
    folder = logs(size)
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as large:
        if size.large_files:
            in_large_files(folder, Path(large))
            folder = Path(large)
        start = time.perf_counter()
        line = [sys.executable, "-m", "app", "--data", data, "ingest", "--all", str(folder), "--json"]
        done = subprocess.run(line, stdout=subprocess.PIPE, check=True)
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        subprocess.run(line, stdout=subprocess.PIPE, check=True)
        again = time.perf_counter() - start
        stored = sum(file.stat().st_size for file in Path(data).rglob("*") if file.is_file())
    tallies = json.loads(done.stdout)["sources"].values()
    read = sum(tally["read"] for tally in tallies)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"whole way: {read:,} records in {seconds:.1f} s, {read / seconds:,.0f} records/s, peak {peak:,.0f} MiB")
    print(f"the same files again: {again:.1f} s, {read / again:,.0f} records/s")
    print(f"on disk: {stored / read:,.0f} bytes a record")


if __name__ == "__main__":
    main()
