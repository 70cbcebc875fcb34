"""Records databases that nothing is in yet: copied, which is quicker than to bring each to its shape."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from store.records import SqlRecords


def fresh_file(file: Path) -> str:
    """The address of empty records in a new file."""
    file.write_bytes(_empty())
    return f"sqlite:///{file}"


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "records.db"
        SqlRecords(f"sqlite:///{file}").close()
        return file.read_bytes()
