"""A cluster on this machine: how fast workers store, how two share the work, how soon an alert comes, how long
questions take. Run within a cluster: `make bench-cluster`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from app.config import load
from app.files import inputs_below
from app.wiring import publisher
from benchmarks import company, latency, questions
from benchmarks.sources import refuse
from core.batch import Batch
from deploy.dev_cluster.elasticsearch import Elasticsearch
from ingest.catalog import sources
from store.elasticsearch.bulk import Bulk
from store.elasticsearch.connection import connect
from store.elasticsearch.documents import event_lines
from store.elasticsearch.templates import Names, install
from tests.cluster import address_of, fresh_database, fresh_namespace, own_server

ROUNDS = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Each part prints its figures and the ratio to its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["rate", "workers", "latency"])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000], help="events that questions are asked of")
    asked = parser.parse_args(arguments)
    batches = list(events_of(company.logs(company.asked(__doc__, ["--employees", "300", "--days", "30"]))))
    if "rate" in asked.parts:
        rate(batches)
    if "workers" in asked.parts:
        workers(batches)
    if "ledger" in asked.parts:
        ledger(batches)
    if "latency" in asked.parts:
        with place() as environment:
            latency.measure(batches, environment)
    if "questions" in asked.parts:
        questions.measure(asked.rows)


def events_of(folder: Path) -> Iterator[Batch]:
    """The batches of a company's logs, as a collector publishes them."""
    inputs, _ = inputs_below(sources(), folder)
    for source in {item.source.name: item.source for item in inputs}.values():
        yield from source.read((item.path for item in inputs if item.source is source), refuse)


def rate(batches: Sequence[Batch]) -> None:
    """From Kafka to stored and marked, against the same documents by bare parallel bulk: in turn, on fresh indices.
    Elasticsearch has a core to itself, as if on another machine; whoever sends to it has the other one."""
    ratios = []
    with _elasticsearch_apart():
        for number in range(ROUNDS + 1):
            bare_rate = bare(batches)
            (run,) = whole_way(batches, cores=[1])
            if number:  # the first warms the servers up
                ratios.append(run["rate"] / bare_rate)
                peak = run["peak"]
                print(f"bare bulk {bare_rate:,.0f}/s, whole way {run['rate']:,.0f}/s, worker's peak {peak:,.0f} MiB")
    print(f"whole way to bare bulk: {statistics.median(ratios):.2f} (limit 0.85)")


def workers(batches: Sequence[Batch]) -> None:
    """Two workers against one where Elasticsearch answers at once: what is measured is ours. Each has one core."""
    ratios = []
    for number in range(ROUNDS + 1):
        (one,) = whole_way(batches, "canned", cores=[0])
        two = whole_way(batches, "canned", cores=[0, 1])
        together = sum(run["rows"] for run in two) / (max(r["end"] for r in two) - min(r["begin"] for r in two))
        if number:
            ratios.append(together / one["rate"])
            print(f"one worker {one['rate']:,.0f}/s, two {together:,.0f}/s")
    print(f"two workers to one: {statistics.median(ratios):.2f} (limit 1.7)")


def ledger(batches: Sequence[Batch]) -> None:
    """From Kafka to stored with and without a ledger, in turn; Elasticsearch has a core to itself. Whichever comes
    second finds the servers still busy with the first, so each comes first as often, and what counts is the mean."""
    clock, spent = [], []
    with _elasticsearch_apart():
        for number in range(5):
            order = ["ledgerless", "ledger"] if number % 2 else ["ledger", "ledgerless"]
            runs = {how: whole_way(batches, how, cores=[1])[0] for how in order}
            run, without = runs["ledger"], runs["ledgerless"]
            if number:  # the first warms the servers up
                clock.append(without["rate"] / run["rate"])
                spent.append(run["busy"] / without["busy"])
                print(f"{_told(run)}; {_told(without)}", flush=True)
    for name, ratios in (("the clock", clock), ("the machine's processor time", spent)):
        print(f"a ledger costs {100 * (statistics.geometric_mean(ratios) - 1):.1f} % by {name} (limit 5)")


def _told(run: dict[str, float]) -> str:
    each = f"{run['busy']:.1f} us of the machine's processors an event, {run['processor']:.1f} us of the worker's"
    return f"{run['leaves']:,.0f} leaves: {run['rate']:,.0f}/s, {each}"


def bare(batches: Sequence[Batch]) -> float:
    """Documents a second, made beforehand, by as many requests side by side as a worker has."""
    with fresh_namespace() as namespace, closing(connect(address_of("elasticsearch"))) as client:
        names = Names(namespace)
        install(client, names)
        lines = [line for batch in batches if batch.events.height for line in event_lines(batch.events, batch, names)]
        with closing(Bulk(client)) as bulk:
            start = time.perf_counter()
            done = sum(outcome.done for outcome in bulk.send(lines))
            return done / (time.perf_counter() - start)


def whole_way(batches: Sequence[Batch], *how: str, cores: Sequence[int]) -> list[dict[str, float]]:
    """What each worker tells of its work, each on a core."""
    with place() as environment, tempfile.TemporaryDirectory() as data:
        with closing(publisher(load(Path(data), environment=environment))) as sender:
            for batch in batches:
                if batch.events.height:
                    sender.publish(Batch(source=batch.source, read=batch.events.height, events=batch.events))
            sender.wait_until_sent()
        line = [sys.executable, "-m", "benchmarks.cluster_worker", data, *how]
        running = [
            subprocess.Popen(
                ["taskset", "--cpu-list", str(core), *line],
                stdout=subprocess.PIPE,
                env=environment,
            )
            for core in cores
        ]
        return [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]


@contextmanager
def _elasticsearch_apart() -> Iterator[None]:
    """A server on the first core, and ourselves on the others."""
    everywhere, shared = os.sched_getaffinity(0), os.environ["LEAVERWATCH_TEST_ELASTICSEARCH"]
    first = min(everywhere)
    os.sched_setaffinity(0, {first})
    try:
        with own_server(Elasticsearch) as server:
            os.sched_setaffinity(0, everywhere - {first})
            os.environ["LEAVERWATCH_TEST_ELASTICSEARCH"] = server.address
            yield
    finally:
        os.sched_setaffinity(0, everywhere)
        os.environ["LEAVERWATCH_TEST_ELASTICSEARCH"] = shared


@contextmanager
def place() -> Iterator[dict[str, str]]:
    """An environment that names the servers, with a database and a namespace of its own."""
    with fresh_database() as database, fresh_namespace() as namespace:
        yield dict(os.environ) | {
            "LEAVERWATCH_CLUSTER_POSTGRESQL": database,
            "LEAVERWATCH_CLUSTER_ELASTICSEARCH": address_of("elasticsearch"),
            "LEAVERWATCH_CLUSTER_NAMESPACE": namespace,
            "LEAVERWATCH_CLUSTER_KAFKA": address_of("kafka"),
        }


if __name__ == "__main__":
    main()
