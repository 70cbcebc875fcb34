"""The collector: looks at a folder of logs again and again, and publishes what is new in it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import structlog

from app.files import Refusals, inputs_below
from app.metrics import RECORDS
from app.pipeline import Input
from core.batch import Batch
from core.errors import Refused
from core.ports import Sender
from ingest.catalog import Source
from ingest.reading import shown

QUIET_SECONDS = 2.0
"""A file that changed more recently is being written to; it is read at a later look."""
BUSY_SECONDS = 30.0
"""Unless it never comes to rest: then it is read this often."""
TABLE = """create table if not exists files
    (path blob primary key, size integer, changed integer, looked real, batches text)"""
log = structlog.get_logger()


class Collector:
    """Publishes the files of a folder, each when it has changed, from its beginning: batches that went out before are
    known by what is in them and do not go again. What has gone is noted in a file of its own, so a collector that was
    killed repeats one file at most."""

    def __init__(self, sender: Sender, sources: Mapping[str, Source], state: Path) -> None:
        self._sender = sender
        self._sources = sources
        self._notes = Notes(state)
        self._told: set[Path] = set()

    def look(self, folder: Path, now: float) -> int:
        """Publish what is new; returns how many files were read. A file that nobody can read is told of once."""
        inputs, refused = inputs_below(self._sources, folder)
        self._tell(refused)
        read = 0
        for item in inputs:
            before = _state(item.path)
            if before and self._notes.is_due(item.path, before, now):
                self._publish(item, before, now)
                read += 1
        self._notes.forget({os.fsencode(item.path) for item in inputs})
        return read

    def close(self) -> None:
        self._notes.close()

    def _publish(self, item: Input, before: tuple[int, int], now: float) -> None:
        gone = self._notes.batches(item.path)
        sent: list[str] = []
        try:
            for batch in _from_the_beginning(item.source.batches(item.path)):
                RECORDS.labels(batch.source, "ignored").inc(sum(batch.ignored.values()))
                digest = _digest(batch)
                if digest not in gone:
                    self._sender.publish(batch)
                sent.append(digest)
        except Refused as error:
            self._tell([(item.path, str(error))])
        self._notes.note(item.path, before, now, sent)

    def _tell(self, refused: Refusals) -> None:
        for path, reason in refused:
            if path not in self._told:
                self._told.add(path)
                log.warning("a file is refused", file=shown(path.name), reason=reason)


class Notes:
    """What went out of each file."""

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute(TABLE)

    def is_due(self, path: Path, state: tuple[int, int], now: float) -> bool:
        """Whether a file has changed since it was read and is at rest, or has not been looked into for long."""
        row = self._database.execute(
            "select size, changed, looked from files where path = ?", [os.fsencode(path)]
        ).fetchone()
        if row and tuple(row[:2]) == state:
            return False
        at_rest = now - state[1] / 1e9 >= QUIET_SECONDS
        return at_rest or now - (row[2] if row else 0.0) >= BUSY_SECONDS

    def batches(self, path: Path) -> set[str]:
        row = self._database.execute("select batches from files where path = ?", [os.fsencode(path)]).fetchone()
        return set(json.loads(row[0])) if row else set()

    def note(self, path: Path, state: tuple[int, int], now: float, batches: list[str]) -> None:
        row = [os.fsencode(path), *state, now, json.dumps(batches)]
        self._database.execute("insert or replace into files values (?, ?, ?, ?, ?)", row)

    def forget(self, there: set[bytes]) -> None:
        """Files that are gone may come back as others."""
        with closing(self._database.execute("select path from files")) as rows:
            gone = [path for (path,) in rows if path not in there]
        self._database.executemany("delete from files where path = ?", [(path,) for path in gone])

    def close(self) -> None:
        self._database.close()


def _from_the_beginning(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The batches of a file, their progress counted from its beginning: told twice, it still says the same."""
    read: Counter[str] = Counter()
    ignored: dict[str, Counter[str]] = {}
    for batch in batches:
        parts = []
        for part in batch.files:
            read[part.file] += part.read
            ignored.setdefault(part.file, Counter()).update(part.ignored)
            parts.append(replace(part, read=read[part.file], ignored=dict(ignored[part.file]), first=True))
        yield replace(batch, files=parts)


def _digest(batch: Batch) -> str:
    digest = blake2b(digest_size=16)
    for ids in (batch.events["event.id"], batch.fragments["event.id"], [bad.id for bad in batch.quarantined]):
        digest.update("".join(ids).encode())
    digest.update(repr([(part.file, part.read, part.last) for part in batch.files]).encode())
    return digest.hexdigest()


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
