"""How soon an alert comes: from a record handed over by a collector to the alert in the records database."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import numpy as np
import polars as pl

from app.config import Config, load
from app.wiring import publisher, records_of
from benchmarks.cluster_worker import peak_of
from core.batch import Batch
from core.schema import SCHEMA, conform, empty
from store.elasticsearch.connection import connect
from store.elasticsearch.templates import Names
from store.kafka.sending import Publisher

WARMING_SECONDS, STREAMED_SECONDS, BACKLOG_SECONDS = 20, 60, 30
CLONES = 5
"""Each account of the company stands for so many."""
STEP = 0.5
WAITING, AT_ONCE = 400_000, 4_000
SETTLING_SECONDS = 10.0
PATIENCE = 180.0
TARGETS = {"streamed": 10, "backlog": 60}


class Stream:
    """A company's events again and again, as if they happened now, and a theft now and then, each by somebody new."""

    def __init__(self, batches: Sequence[Batch], sender: Publisher) -> None:
        self._events = pl.concat([empty(), *(batch.events for batch in batches)]).sort("@timestamp")
        self._sender = sender
        self._sent = 0
        self.thefts: dict[str, float] = {}

    def send(self, rows: int) -> None:
        first = self._sent % (self._events.height - rows)
        self._sent += rows
        rows_now = self._events[first : first + rows]
        clone = pl.Series([f"~{number % CLONES}" for number in range(rows)])
        self._publish(
            rows_now.with_columns(
                (pl.col("user.account") + clone).alias("user.account"),
                # Nobody's: keys shared by clones would make them one.
                pl.lit(None, pl.String).alias("user.id"),
                pl.lit(None, pl.String).alias("user.email"),
            )
        )

    def steal(self) -> None:
        account = f"mail:thief{len(self.thefts)}-{uuid4().hex[:6]}@corp.example"
        row = {"event.module": "salesforce", "event.action": "export", "user.account": account, "data.records": 50_000}
        self.thefts[account] = time.time()
        self._publish(conform(pl.DataFrame([row], schema={name: SCHEMA[name] for name in row})))

    def _publish(self, rows: pl.DataFrame) -> None:
        fresh = rows.with_columns(
            pl.lit(datetime.now(UTC)).cast(SCHEMA["@timestamp"]).alias("@timestamp"),
            pl.Series("event.id", [uuid4().hex for _ in range(rows.height)]),
        )
        self._sender.publish(Batch(source="bench", read=rows.height, events=fresh))


def measure(batches: Sequence[Batch], environment: Mapping[str, str]) -> None:
    """Print how many events a second a worker and a judge keep up with, and the seconds from theft to alert: streamed
    at half of that, and behind a backlog."""
    with _streaming(batches, environment) as (_, stream, _):
        most = _most(stream, environment)
    print(f"a worker beside a judge stores {most:,.0f}/s while more is waiting")
    for name, scene in SCENES.items():
        with _streaming(batches, environment) as (config, stream, processes):
            _steadily(WARMING_SECONDS, partial(stream.send, int(most / 4 * STEP)))
            time.sleep(SETTLING_SECONDS)
            scene(stream, most / 2)
            waits = _until_alerted(config, stream.thefts)
            peaks = ", ".join(f"{part} {peak_of(process.pid):,.0f} MiB" for part, process in processes.items())
        p50, p95 = np.percentile(waits, [50, 95])
        print(
            f"{name} at {most / 2:,.0f}/s, {len(waits)} of {len(stream.thefts)} thefts: p50 {p50:.1f} s, "
            f"p95 {p95:.1f} s (limit {TARGETS[name]} s), longest {max(waits):.1f} s; peaks: {peaks}"
        )


@contextmanager
def _streaming(
    batches: Sequence[Batch], environment: Mapping[str, str]
) -> Iterator[tuple[Config, Stream, Mapping[str, subprocess.Popen[bytes]]]]:
    with tempfile.TemporaryDirectory() as data, _at_work(data, environment) as processes:
        config = load(Path(data), environment=environment)
        with closing(publisher(config)) as sender:
            yield config, Stream(batches, sender), processes


def _most(stream: Stream, environment: Mapping[str, str]) -> float:
    """Events stored a second, from when `WAITING` of them wait until a tenth is left. The first of all make data
    streams, and servers compile what they run often: these are not counted."""
    with closing(connect(environment["LEAVERWATCH_CLUSTER_ELASTICSEARCH"])) as client:
        names = Names(environment["LEAVERWATCH_CLUSTER_NAMESPACE"])

        def stored() -> int:
            told = client.indices.stats(index=names.events, metric="indexing")
            return int(told["_all"]["primaries"]["indexing"]["index_total"])

        for _ in range(WAITING // AT_ONCE):
            stream.send(AT_ONCE)
        begun, before = time.monotonic(), stored()
        while (now := stored()) < WAITING * 0.9:
            time.sleep(STEP)
        return (now - before) / (time.monotonic() - begun)


def _streamed(stream: Stream, rate: float) -> None:
    _steadily(STREAMED_SECONDS, lambda: stream.send(int(rate * STEP)), stream.steal)


def _behind_a_backlog(stream: Stream, rate: float) -> None:
    for _ in range(int(2 * BACKLOG_SECONDS / STEP)):
        stream.send(int(rate * STEP))
    _steadily(BACKLOG_SECONDS, lambda: None, stream.steal)


SCENES = {"streamed": _streamed, "backlog": _behind_a_backlog}


def _steadily(seconds: float, *work: Callable[[], None]) -> None:
    begun = time.monotonic()
    for number in range(int(seconds / STEP)):
        for one in work:
            one()
        time.sleep(max(0.0, begun + (number + 1) * STEP - time.monotonic()))


def _until_alerted(config: Config, thefts: Mapping[str, float]) -> list[float]:
    until = time.monotonic() + PATIENCE
    with closing(records_of(config)) as records:
        while True:
            alerts = {alert.person: alert.id for alert in records.alerts(persons=list(thefts))}
            if len(alerts) == len(thefts) or time.monotonic() > until:
                detected = records.detected_at(list(alerts.values()))
                return [detected[alert].timestamp() - thefts[person] for person, alert in alerts.items()]
            time.sleep(1.0)


@contextmanager
def _at_work(data: str, environment: Mapping[str, str]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """A worker and a judge as processes."""
    lines = {"worker": ["worker"], "judge": ["judge", "--every", "0.5"]}
    processes = {
        part: subprocess.Popen(
            [sys.executable, "-m", "app", "--data", f"{data}/{part}", *lines[part]],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for part in lines
    }
    time.sleep(10.0)
    try:
        yield processes
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(120)
