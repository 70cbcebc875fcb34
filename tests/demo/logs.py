"""Reading a simulation's files with plain parsers."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path


def text_of(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def files(made, folder: str, pattern: str) -> list[Path]:
    found = sorted((made.path / folder).glob(pattern))
    assert found
    return found


def rows(made, kind: str) -> list[dict[str, str]]:
    return [
        row for file in files(made, "salesforce", f"{kind}-*") for row in csv.DictReader(io.StringIO(text_of(file)))
    ]
