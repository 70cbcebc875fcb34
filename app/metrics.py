"""What the processes of a cluster tell Prometheus, and their log lines."""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from core.batch import Appended, Batch

RECORDS = Counter("leaverwatch_records", "Records by source and what became of them", ["source", "outcome"])
LAG = Gauge("leaverwatch_bus_lag", "Messages that no worker has stored yet", ["topic"])
MARKS = Gauge("leaverwatch_marks_pending", "Accounts and persons waiting to be judged")
JUDGED = Counter("leaverwatch_judged", "Person-spans judged")
UNBALANCED = Counter(
    "leaverwatch_unbalanced", "Runs stopped because alerts + suppressed + overflow were not the matches"
)
SPOOL = Gauge("leaverwatch_spool_bytes", "Bytes collected that Kafka does not have yet")
APPEND = Histogram("leaverwatch_append_seconds", "Time to store a batch and its marks")
AGE = Gauge("leaverwatch_newest_event_age_seconds", "Age of the newest event this worker has stored", ["source"])


def serve_metrics(host: str, port: int | None) -> None:
    """Answer Prometheus at /metrics, where a port is given."""
    if port is not None:
        start_http_server(port, host)


def set_up_logs() -> None:
    """A JSON line per message on stderr. No personal data: sources, counts and reasons only."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    quiet()


def quiet() -> None:
    """Libraries tell of every attempt to reconnect; what it means is told once, by us."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)


class Ages:
    """Ages of the newest events, right at whatever moment Prometheus asks."""

    def __init__(self) -> None:
        self._newest: dict[str, datetime] = {}

    def note(self, batch: Batch) -> None:
        newest = batch.events["@timestamp"].max()
        if isinstance(newest, datetime) and newest > self._newest.get(batch.source, datetime.min.replace(tzinfo=UTC)):
            if batch.source not in self._newest:
                AGE.labels(batch.source).set_function(lambda: time.time() - self._newest[batch.source].timestamp())
            self._newest[batch.source] = newest


def count(batch: Batch, appended: Appended) -> None:
    """Count the records of a batch."""
    outcomes = {"stored": appended.stored, "duplicate": appended.duplicate, "quarantined": appended.quarantined}
    for outcome, number in (outcomes | {"ignored": sum(batch.ignored.values())}).items():
        RECORDS.labels(batch.source, outcome).inc(number)
