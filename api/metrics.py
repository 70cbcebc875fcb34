"""Counts in the Prometheus text format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from core.alert import Outcome
from core.case import CaseState
from core.drift import Drift, kept
from core.ports import EventStore, Records, SourceStatus

FRESH_SECONDS = 60.0


class Counts:
    """What is stored, by source, counted anew only when that is older than `FRESH_SECONDS`: to count may mean to ask
    for every event of a store."""

    def __init__(self, events: EventStore, clock: Callable[[], float] = monotonic) -> None:
        self._events = events
        self._clock = clock
        self._lock = Lock()
        self._counted: tuple[float, Sequence[SourceStatus]] | None = None

    def sources(self) -> Sequence[SourceStatus]:
        """What has arrived, by source. Whoever asks while somebody counts waits for that."""
        with self._lock:
            if self._counted is None or self._clock() - self._counted[0] > FRESH_SECONDS:
                sources = self._events.sources()
                self._counted = (self._clock(), sources)
            return self._counted[1]


def exposition(records: Records, counts: Counts) -> bytes:
    """What is stored, waiting and lost, per source, and what people have before them. No personal data."""
    registry = CollectorRegistry()
    sources = counts.sources()
    stored = sum(status.events for status in sources)
    Gauge("leaverwatch_events", "Stored events", registry=registry).set(stored)
    tally = records.tally()
    Gauge("leaverwatch_alerts", "Open alerts", registry=registry).set(tally[Outcome.ALERT])
    matches = Gauge("leaverwatch_matches", "Matches by what became of them", ["outcome"], registry=registry)
    for outcome, number in tally.items():
        matches.labels(outcome.value).set(number)
    Gauge("leaverwatch_cases", "Open cases", registry=registry).set(records.case_counts()[CaseState.NEW])
    Gauge("leaverwatch_marks", "Subjects waiting to be judged", registry=registry).set(len(records.pending()))
    quarantined = Gauge("leaverwatch_quarantined", "Records in quarantine", ["source"], registry=registry)
    waiting = Gauge("leaverwatch_waiting_lines", "Lines waiting for the rest of theirs", ["source"], registry=registry)
    last = Gauge("leaverwatch_last_event_seconds", "Time of the newest event", ["source"], registry=registry)
    for status in sources:
        quarantined.labels(status.source).set(status.quarantined)
        waiting.labels(status.source).set(status.waiting)
        if status.last_event:
            last.labels(status.source).set(status.last_event.timestamp())
    if drift := kept(records):
        _drift(drift, registry)
    return generate_latest(registry)


def _drift(drift: Drift, registry: CollectorRegistry) -> None:
    """As it was last looked at."""
    told = {
        "leaverwatch_model_rare_days_ratio": ("Days said to be one in 100, against what is said", drift.factor),
        "leaverwatch_model_features_apart": ("Features that are no longer as learned", float(len(drift.apart))),
        "leaverwatch_model_looked_at_seconds": ("Time of the last look at drift", drift.looked.timestamp()),
    }
    for name, (text, value) in told.items():
        Gauge(name, text, registry=registry).set(value)
