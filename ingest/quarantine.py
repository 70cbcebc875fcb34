"""Records in quarantine are read again, after a source was mended."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from core.batch import Quarantined
from core.errors import Unreadable
from core.schema import empty
from ingest.catalog import Source


def replay(source: Source, records: Iterable[Quarantined]) -> tuple[pl.DataFrame, list[Quarantined]]:
    """The events of the records that can be read now, under the ids they had; and those that are still bad."""
    events = [empty()]
    bad = []
    for record in records:
        try:
            events.append(source.parse_record(record))
        except Unreadable:
            bad.append(record)
    return pl.concat(events), bad
