"""What a store answers that scans its events: the same questions, however they lie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import polars as pl

from core.ports import EventQuery
from core.totals import whole
from store.frames import Narrow, asked_for, totalled


class Scanned(ABC):
    """`read` and `totals` of `core.ports.EventReader`."""

    def read(self, query: EventQuery) -> pl.DataFrame:
        return self._scan_events(query, asked_for(query))

    def totals(
        self,
        query: EventQuery,
        by: Sequence[str],
        zone: str = "UTC",
        sums: Sequence[str] = (),
        *,
        times: bool = False,
    ) -> pl.DataFrame:
        wanted = totalled(query, by, zone, sums, times=times)
        return whole([self._scan_events(query, wanted)], by, sums, times=times)

    @abstractmethod
    def _scan_events(self, query: EventQuery, narrow: Narrow) -> pl.DataFrame:
        """What `narrow` makes of the events that may be asked for."""
