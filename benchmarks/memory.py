"""The highest resident memory of this process, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@contextmanager
def peak_of(what: str) -> Iterator[None]:
    """Print how much memory a part had at most, and how much there was when it began."""
    before = _highest("VmRSS")
    FORGET.write_text("5")
    yield
    print(f"{what}: memory {before} MiB before, {_highest('VmHWM')} MiB at most")


def _highest(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) // 1024
