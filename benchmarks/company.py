"""The logs that benchmarks read: a made-up company of the size asked for, kept between runs."""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from demo.simulate import simulate


def asked(description: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The size of the company, from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--employees", type=int, default=1000)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--large-files", action="store_true", help="JSON and CSV sources only, a file per kind of file")
    return parser.parse_args(arguments)


def logs(size: argparse.Namespace) -> Path:
    """The folder of raw logs; written where it is not there yet, and then the rate of writing is printed."""
    folder = Path(tempfile.gettempdir()) / f"leaverwatch-bench-{size.employees}-{size.days}-{size.seed}"
    if not (folder / "truth.json").exists():
        start = time.perf_counter()
        simulate(folder, employees=size.employees, days=size.days, seed=size.seed)
        print(f"simulated {size.employees} people, {size.days} days in {time.perf_counter() - start:.1f} s")
    return folder


def in_large_files(folder: Path, out: Path) -> None:
    """The logs of the JSON and CSV sources, the days of each kind of file in one file."""
    for system in ("m365", "salesforce"):
        (out / system).mkdir()
        for file in sorted((folder / system).iterdir()):
            if ".json" in file.suffixes:
                continue  # arrays, which do not become one by standing in one file
            kind = file.name.removesuffix(".gz").split("-")[0] + Path(file.name.removesuffix(".gz")).suffix
            data = file.read_bytes()
            with (out / system / kind).open("ab") as joined:
                joined.write(gzip.decompress(data) if file.suffix == ".gz" else data)
