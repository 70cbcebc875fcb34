"""Lines that wait for the rest of their event, counted from what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from store.folder import Folder
from store.frames import ENDING
from store.idindex import IdIndex, Ids, ids_of
from store.manifest import EVENT, LINES, Manifest, Segment
from store.sealed import Sealed


class Waiting:
    """An event has the id of the line that ends it, so an ending line whose id no event has is waiting. A segment's
    lines are read once; after that only those still waiting are looked up again."""

    def __init__(self, folder: Folder, sealed: Sealed, ids: IdIndex, manifest: Manifest) -> None:
        self._folder = folder
        self._sealed = sealed
        self._ids = ids
        self._manifest = manifest
        self._still: dict[str, Ids] = {}

    def per_source(self) -> Mapping[str, int]:
        """How many lines of each source wait."""
        waiting: Counter[str] = Counter()
        with self._folder.reading():
            segments = self._manifest.segments(LINES)
            before = self._still
            self._still = {s.file: before[s.file] if s.file in before else self._endings(s) for s in segments}
            for segment in segments:
                asked = self._still[segment.file]
                left = self._still[segment.file] = asked[~self._ids.known(EVENT, asked)]
                waiting[segment.source] += len(left)
        return waiting

    def _endings(self, segment: Segment) -> Ids:
        frame = self._sealed.load([segment], lambda lazy: lazy.filter(pl.col("kind") == ENDING).select("event.id"))
        return ids_of(frame["event.id"].to_list())
