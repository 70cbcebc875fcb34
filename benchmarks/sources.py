"""Lines a second of each source, from file to ECS columns, against reading and splitting the bytes alone."""

from __future__ import annotations

import gzip
import time
from collections.abc import Sequence
from pathlib import Path

from app.files import inputs_below
from benchmarks.company import asked, logs
from core.errors import Refused
from ingest.catalog import sources


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row per source."""
    folder = logs(asked(__doc__, arguments))
    inputs, _ = inputs_below(sources(), folder)
    print(f"{'source':24}{'records':>12}{'seconds':>10}{'records/s':>12}{'bare split/s':>14}{'ratio':>8}")
    for name in sorted({item.source.name for item in inputs}):
        mine = [item for item in inputs if item.source.name == name]
        start = time.perf_counter()
        read = sum(batch.read for batch in mine[0].source.read((item.path for item in mine), refuse))
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        lines = sum(_split(item.path) for item in mine)
        bare = lines / (time.perf_counter() - start)
        rate = read / seconds
        print(f"{name:24}{read:12,}{seconds:10.2f}{rate:12,.0f}{bare:14,.0f}{rate / bare:8.2f}")


def refuse(_: Path, error: Refused) -> None:
    """A benchmark reads everything or nothing."""
    raise error


def _split(path: Path) -> int:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return len(data.split(b"\n"))


if __name__ == "__main__":
    main()
