"""The directory of sealed files: whole on disk or not there, one writer, and nothing goes while somebody reads."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import uuid4

from core.errors import Refused

OURS = re.compile(r"[0-9a-f]{32}\.(parquet|npy)(\.part)?")
WRITER, READERS, NAME = "writer.lock", "readers.lock", "store.id"


class Folder:
    """Sealed files of an event store. Files never change; readers hold a shared lock while they use some, and files
    no longer wanted go when nobody does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: IO[bytes] | None = None
        self._unwanted: set[str] = set()
        path.mkdir(parents=True, exist_ok=True)

    @property
    def writing(self) -> bool:
        return self._writer is not None

    def begin_writing(self) -> None:
        """Become the one writer; raises `Refused` where another process is."""
        lock = (self.path / WRITER).open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Refused(f"another process is writing to {self.path}; try again when it is done") from None
        self._writer = lock

    def end_writing(self) -> None:
        if self._writer:
            self.discard(())
            self._writer.close()
            self._writer = None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Files listed within stay until it is left."""
        with (self.path / READERS).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    def write(self, suffix: str, write: Callable[[IO[bytes]], object]) -> str:
        """The name of a new file that is whole on disk."""
        name = f"{uuid4().hex}.{suffix}"
        self._write_as(name, write)
        return name

    def discard(self, names: Collection[str]) -> None:
        """Delete files that are listed no more: now, or when those who read them are done."""
        self._unwanted |= set(names)
        if not self._unwanted:
            return
        with (self.path / READERS).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            for name in self._unwanted:
                (self.path / name).unlink(missing_ok=True)
            self._unwanted.clear()

    def sweep(self, listed: Collection[str]) -> None:
        """Delete what a killed writer left unlisted. Files that are not ours stay."""
        found = {file.name for file in self.path.iterdir() if OURS.fullmatch(file.name)}
        self.discard(found - set(listed))

    def identify(self, known: str | None) -> str:
        """The name of this store, which its records know. Raises `Refused` where they are another store's records:
        every file would look unlisted to them."""
        file = self.path / NAME
        name = file.read_text() if file.exists() else None
        sealed = any(OURS.fullmatch(other.name) for other in self.path.iterdir())
        if name and name != known and (known or sealed):
            raise Refused(
                f"the records database is not the one that lists the events in {self.path}; nothing was touched"
            )
        if name is None:
            name = known or uuid4().hex
            self._write_as(NAME, lambda out: out.write(name.encode()))
        return name

    def _write_as(self, name: str, write: Callable[[IO[bytes]], object]) -> None:
        part = self.path / f"{name}.part"
        with part.open("wb") as out:
            write(out)
            out.flush()
            os.fsync(out.fileno())
        part.rename(self.path / name)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
