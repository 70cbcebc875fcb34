"""Counts in the Prometheus text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from core.alert import Outcome
from core.case import CaseState
from core.ports import EventStore, Records


def exposition(records: Records, events: EventStore) -> bytes:
    """What is stored, waiting and lost, per source, and what people have before them. No personal data."""
    registry = CollectorRegistry()
    Gauge("leaverwatch_events", "Stored events", registry=registry).set(events.count())
    tally = records.tally()
    Gauge("leaverwatch_alerts", "Open alerts", registry=registry).set(tally[Outcome.ALERT])
    matches = Gauge("leaverwatch_matches", "Matches by what became of them", ["outcome"], registry=registry)
    for outcome, number in tally.items():
        matches.labels(outcome.value).set(number)
    cases = [case for case in records.cases() if case.state is CaseState.NEW]
    Gauge("leaverwatch_cases", "Open cases", registry=registry).set(len(cases))
    Gauge("leaverwatch_marks", "Subjects waiting to be judged", registry=registry).set(len(records.pending()))
    quarantined = Gauge("leaverwatch_quarantined", "Records in quarantine", ["source"], registry=registry)
    waiting = Gauge("leaverwatch_waiting_lines", "Lines waiting for the rest of theirs", ["source"], registry=registry)
    last = Gauge("leaverwatch_last_event_seconds", "Time of the newest event", ["source"], registry=registry)
    for status in events.sources():
        quarantined.labels(status.source).set(status.quarantined)
        waiting.labels(status.source).set(status.waiting)
        if status.last_event:
            last.labels(status.source).set(status.last_event.timestamp())
    return generate_latest(registry)
