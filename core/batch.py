"""What one piece of a file becomes on its way to the store, and how its lines are accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from core.schema import empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A record that could not be read, byte for byte, with the reason in one sentence."""

    id: str
    source: str
    file: str
    sequence: int
    reason: str
    original: bytes
    context: str = ""
    """What else of its file is needed to read it again: the header line of a CSV."""
    at: datetime | None = field(default=None, compare=False)
    """When it was stored: set by the adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How much of a file a batch holds; `first` and `last` say whether the file begins and ends with it."""

    file: str
    read: int
    ignored: Mapping[str, int] = field(default_factory=dict)
    first: bool = False
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records of one source: consecutive ones of a file, or those of several small files (`files`):
    read = events + fragments + quarantined + ignored.

    `events` has the columns of `core.schema.SCHEMA`; `fragments` (lines that become events only together, such as
    Postfix's) the columns of `core.batch.FRAGMENT`. `ignored` counts records left out, by reason.
    `bytes` is how much of the files, as they lie on disk, the batch took. `moved` says that it comes out of another
    store, whose ledger came along.
    """

    source: str
    read: int
    bytes: int = 0
    events: pl.DataFrame = field(default_factory=empty)
    fragments: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=FRAGMENT))
    quarantined: Sequence[Quarantined] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    rules_version: str = ""
    files: Sequence[Progress] = ()
    moved: bool = False


FRAGMENT: dict[str, pl.DataType] = {
    "event.id": pl.String(),
    "@timestamp": pl.Datetime("us", "UTC"),
    "source": pl.String(),
    "key": pl.String(),
    "kind": pl.String(),
    "event.sequence": pl.Int64(),
    "log.file.path": pl.String(),
    "event.original": pl.String(),
    "fields": pl.String(),
}
"""Columns of a fragment: `key` joins the lines of one event, `kind` says which part this is, `fields` is JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """How many records of a batch were new to the store, and how many it knew already."""

    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0


@dataclass(slots=True, kw_only=True)
class Tally:
    """Running account of an import. `read` always equals the sum of the other four."""

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    ignored: Counter[str] = field(default_factory=Counter)

    def add(self, batch: Batch, appended: Appended) -> None:
        self.read += batch.read
        self.stored += appended.stored
        self.duplicate += appended.duplicate
        self.quarantined += appended.quarantined
        self.ignored.update(batch.ignored)
