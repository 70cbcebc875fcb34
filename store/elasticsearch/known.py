"""An id is refused a second time only by the index that has it; this looks into the others behind a data stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from store.elasticsearch.bulk import Bulk, Outcome
from store.elasticsearch.connection import Client
from store.elasticsearch.documents import delete_line
from store.elasticsearch.searching import EVERYTHING, PAGE, WHOLE, Query, between, every, one_of
from store.elasticsearch.streams import backing

Indices = dict[str, list[str]]
"""The indices behind each data stream."""
MOVED_AT_MOST = timedelta(days=1)
"""A record read again with another time zone has its time moved by less than this. Without it, every index would have
to be searched for every id."""


class Known:
    """Ids behind the data streams of a pattern."""

    def __init__(self, client: Client, pattern: str) -> None:
        self._client = client
        self._pattern = pattern
        self._seen: Indices = {}

    def indices(self) -> Indices:
        """The indices there are now. Those that are no longer written to can be searched whole."""
        found = backing(self._client, self._pattern)
        if found != self._seen:
            # What an index got last before another took its place is not to be searched yet.
            self._client.indices.refresh(index=self._pattern)
            self._seen = found
        return found

    def among(self, rows: pl.DataFrame, indices: Indices) -> set[str]:
        """The ids of these rows that are stored, as far as the index written to would not notice by itself."""
        if not rows.height or all(len(those) == 1 for those in indices.values()):
            return set()
        first, last = rows.select(pl.col("@timestamp").min().alias("a"), pl.col("@timestamp").max().alias("b")).row(0)
        near = between(start=first - MOVED_AT_MOST, until=last + MOVED_AT_MOST)
        return set(self._indices_of(rows["event.id"].to_list(), near))

    def undo_strays(self, bulk: Bulk, ids: Sequence[str], outcomes: Sequence[Outcome], indices: Indices) -> set[str]:
        """Ids that were created twice because a data stream rolled over since it had these `indices`; the new copies
        are gone."""
        old = {index for those in indices.values() for index in those}
        strays = {
            one: outcome.index
            for one, outcome in zip(ids, outcomes, strict=True)
            if outcome.done and outcome.index not in old
        }
        if not strays or not old:
            return set()
        self._client.indices.refresh(index=self._pattern)
        twice = {one for one, those in self._indices_of(list(strays), EVERYTHING).items() if len(those) > 1}
        bulk.send([delete_line(strays[one], one) for one in sorted(twice)])
        return twice

    def _indices_of(self, ids: Sequence[str], near: Query) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for start in range(0, len(ids), PAGE // 2):
            some = every(one_of("event.id", ids[start : start + PAGE // 2]), near)
            answer = self._client.search(
                index=self._pattern, query=some, size=PAGE, source=False, track_total_hits=False, **WHOLE
            )
            for hit in answer["hits"]["hits"]:
                found[hit["_id"]].add(hit["_index"])
        return found
