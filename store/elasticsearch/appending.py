"""Rows of a batch into Elasticsearch: what is known stays as it is, what the server refuses goes to quarantine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from core.batch import Batch, Quarantined
from core.retention import Expiry, Stored
from store.elasticsearch.bulk import CONFLICT, Bulk, Outcome
from store.elasticsearch.connection import Client
from store.elasticsearch.documents import event_lines, fragment_lines, quarantine_lines
from store.elasticsearch.known import Known
from store.elasticsearch.templates import Names
from store.expiry import going
from store.frames import only_new, untagged_as_null


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of some rows: `created` are new, `kept` are stored now or were before, `new` may be new: a conflict
    on a second attempt may be with the first."""

    created: pl.DataFrame
    kept: pl.DataFrame
    new: pl.DataFrame
    refused: Sequence[Quarantined]


class Appender:
    """Creates documents, each once."""

    def __init__(self, client: Client, bulk: Bulk, names: Names) -> None:
        self._bulk = bulk
        self._names = names
        self._known_events = Known(client, names.events)
        self._known_lines = Known(client, names.lines)

    def events(self, batch: Batch, expired: Sequence[Expiry]) -> Written:
        """Create the events of a batch, but for those expired."""
        rows = untagged_as_null(only_new(batch.events))
        for one in expired:
            rows = rows.filter(~going(rows, Stored.EVENT, batch.source, one).gone)

        def create(rows: pl.DataFrame) -> list[Outcome]:
            outcomes = self._bulk.send_rows(rows, lambda some: event_lines(some, batch, self._names))
            picky = [number for number, outcome in enumerate(outcomes) if outcome.refused]
            if picky:
                plain = event_lines(rows[picky], batch, self._names, searchable=False)
                for number, outcome in zip(picky, self._bulk.send(plain), strict=True):
                    outcomes[number] = outcome
            return outcomes

        return self._create(rows, batch.source, self._known_events, create)

    def fragments(self, batch: Batch, expired: Sequence[Expiry]) -> Written:
        """Create lines, but for those expired."""
        rows = only_new(batch.fragments)
        for one in expired:
            rows = rows.filter(~going(rows, Stored.FRAGMENT, batch.source, one).gone)
        source = rows["source"][0] if rows.height else ""
        return self._create(
            rows,
            source,
            self._known_lines,
            lambda rows: self._bulk.send_rows(rows, lambda some: fragment_lines(some, self._names)),
        )

    def quarantine(self, bad: Sequence[Quarantined]) -> int:
        """How many were not in quarantine yet."""
        return sum(outcome.done for outcome in self._bulk.send_all(quarantine_lines(bad, self._names)))

    def _create(
        self, rows: pl.DataFrame, source: str, known: Known, create: Callable[[pl.DataFrame], list[Outcome]]
    ) -> Written:
        if not rows.height:
            return Written(created=rows, kept=rows, new=rows, refused=())
        indices = known.indices()
        stored_before = known.among(rows, indices)
        unknown = rows.filter(~pl.col("event.id").is_in(list(stored_before))) if stored_before else rows
        outcomes = create(unknown) if unknown.height else []
        ids = unknown["event.id"].to_list()
        twice = known.undo_strays(self._bulk, ids, outcomes, indices)
        new = [number for number, outcome in enumerate(outcomes) if outcome.done and ids[number] not in twice]
        unsure = [number for number, outcome in enumerate(outcomes) if outcome.again and outcome.status == CONFLICT]
        refused = [number for number, outcome in enumerate(outcomes) if outcome.refused]
        return Written(
            created=unknown[new],
            kept=rows.filter(~pl.col("event.id").is_in([ids[number] for number in refused])),
            new=unknown[sorted({*new, *unsure})],
            refused=[_refused(unknown.row(number, named=True), source, outcomes[number]) for number in refused],
        )


def _refused(row: dict[str, Any], source: str, outcome: Outcome) -> Quarantined:
    return Quarantined(
        id=row["event.id"],
        source=source,
        file=row["log.file.path"] or "",
        sequence=row["event.sequence"] or 0,
        reason=f"Elasticsearch refused it: {outcome.reason}",
        original=(row["event.original"] or "").encode(),
    )
