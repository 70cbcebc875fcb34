"""Events on their way into bundles: written down once, in pieces of bounded size, with all that is made of them."""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from core.schema import SCHEMA
from evidence.bag import File
from evidence.verify import row

COLUMNS = ("leaf", *(name for name in SCHEMA if name not in {"event.original", "vendor", "rule.matched"}))
HEAD = b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n"
"""Of every table. The mark before it tells spreadsheets that Chinese is Chinese."""
PIECE = 64 << 20


@dataclass(slots=True, kw_only=True)
class Piece:
    """Some leaves: their places in the tree in the order of their lines, the places of those that are withheld among
    them, and their files."""

    number: int
    indexes: array[int] = field(default_factory=lambda: array("q"))
    withheld: array[int] = field(default_factory=lambda: array("q"))
    files: Sequence[File] = ()

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def names(self) -> tuple[str, str, str]:
        number = f"{self.number:04}"
        folder = "data/events"
        return f"{folder}/leaves-{number}.ndjson", f"{folder}/raw-{number}.log", f"{folder}/events-{number}.csv"


class Spool:
    """Takes leaves in order, within its context; what was taken lies in a folder that somebody else takes away."""

    def __init__(self, folder: Path, piece: int = PIECE, first: int = 1) -> None:
        self._folder, self._most = folder, piece
        self._open: list[_Writing] = []
        self.pieces: list[Piece] = []
        self.withheld: Counter[str] = Counter()
        self._number = first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writing in self._open:
            writing.done()

    def add(self, index: int, line: bytes, content: Mapping[str, Any]) -> None:
        """A leaf that is shown, by its data."""
        leaves, raw, table = self._files()
        self.pieces[-1].indexes.append(index)
        leaves.write(line + b"\n")
        if "snapshot" not in content:
            raw.write(content.get("event.original", "").encode() + b"\n")
            table.write(row(index, content, COLUMNS))
        if leaves.size + raw.size + table.size >= self._most:
            self._seal()

    def withhold(self, index: int, why: str) -> None:
        """A leaf that is not shown, and why."""
        self._files()
        self.pieces[-1].withheld.append(index)
        self.withheld[why] += 1

    def done(self) -> list[Piece]:
        """All pieces, in order."""
        if self._open or not self.pieces:
            self._files()
            self._seal()
        return self.pieces

    def _files(self) -> list[_Writing]:
        if not self._open:
            piece = Piece(number=self._number)
            self.pieces.append(piece)
            self._number += 1
            self._open = [_Writing(name, self._folder / name.rpartition("/")[2]) for name in piece.names()]
            self._open[2].write(HEAD)
        return self._open

    def _seal(self) -> None:
        self.pieces[-1].files = [writing.done() for writing in self._open]
        self._open = []


class _Writing:
    """A file that grows, and what is known of it so far."""

    def __init__(self, name: str, path: Path) -> None:
        self._name, self._path = name, path
        self._file = path.open("wb")
        self._sha256, self._crc, self.size = hashlib.sha256(), 0, 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._sha256.update(data)
        self._crc = zlib.crc32(data, self._crc)
        self.size += len(data)

    def done(self) -> File:
        self._file.close()
        return File(name=self._name, data=self._path, size=self.size, sha256=self._sha256.hexdigest(), crc=self._crc)
