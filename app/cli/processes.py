"""The parts of a cluster, each a process of its own: collect, worker, judge, api."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from app.cli.inputs import configuration, house_of
from app.cli.running import serve

Once = Annotated[bool, typer.Option("--once", help="Stop when there is nothing left to do.")]
Every = Annotated[float, typer.Option(min=0.1, help="Seconds between looks.")]
LASTING_SECONDS = 60.0
"""However much keeps coming, what follows judging is done as often."""
LATE_SECONDS = 600.0
"""How often models look for events that came late: a day that is over is scored at once."""
MetricsPort = Annotated[int | None, typer.Option(min=1, max=65535, help="Answer Prometheus at /metrics.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (collect, worker, judge):
        app.command()(command)
    app.command("api", help="Serve the API, beside workers and judges.")(serve)


def collect(
    context: typer.Context,
    folder: Path,
    once: Once = False,
    every: Every = 5.0,
    metrics_port: MetricsPort = None,
) -> None:
    """Publish the logs below a folder to Kafka, and what is new in them, until stopped."""
    import time

    from app.collecting import Collector
    from app.metrics import SPOOL, serve_metrics, set_up_logs
    from app.wiring import publisher
    from ingest.catalog import sources

    config = configuration(context)
    set_up_logs()
    config.data.mkdir(parents=True, exist_ok=True)
    with closing(publisher(config)) as sender:
        SPOOL.set_function(lambda: sender.spool.waiting_bytes)
        serve_metrics(config.api.host, metrics_port)
        with closing(Collector(sender, sources(config.company.zone), config.data / "collected.db")) as collector:
            stop = _stopping()
            while not stop():
                read = collector.look(folder, time.time())
                if once and not read:
                    sender.wait_until_sent()
                    return
                time.sleep(0 if once and read else every)


def worker(context: typer.Context, once: Once = False, metrics_port: MetricsPort = None) -> None:
    """Store what collectors publish, and mark whom it touches, until stopped. Any number of workers share the work."""
    from app.metrics import serve_metrics, set_up_logs
    from app.wiring import subscription
    from app.working import Worker

    set_up_logs()
    config = configuration(context)
    with house_of(context) as house, closing(subscription(config)) as arriving:
        serve_metrics(config.api.host, metrics_port)
        _on_stop(arriving.stop)
        tally = Worker(house, arriving).run(once=once)
    typer.echo(f"stored {tally.stored:,}, known {tally.duplicate:,}, in quarantine {tally.quarantined:,}", err=True)


def judge(context: typer.Context, once: Once = False, every: Every = 2.0, metrics_port: MetricsPort = None) -> None:
    """Judge what is marked, and tell of it where there is Kafka, until stopped. Any number of judges may share a
    PostgreSQL database."""
    import time
    from math import inf

    import structlog

    from app.beside import beside
    from app.channels import Channels
    from app.entrance import sealer_of
    from app.forwarding import forwarding
    from app.heads import keeping_heads
    from app.jobs import judge_marked
    from app.metrics import JUDGED, MARKS, serve_metrics, set_up_logs
    from app.notices import attend
    from app.notifying import notifying
    from app.reporting import reporting
    from app.retention import retaining
    from app.scoring import Scores
    from app.staff import Staff
    from app.telling import tell, telling
    from app.wiring import herald
    from core.errors import Unavailable

    set_up_logs()
    log = structlog.get_logger()
    config = configuration(context)
    scores, lasting = Scores(pause=LATE_SECONDS), inf if once else LASTING_SECONDS
    with house_of(context) as house, ExitStack() as stack:
        listening = herald(config)
        if listening:
            stack.callback(listening.close)
            if not once:
                stack.enter_context(telling(house.records, listening, every))
        stack.enter_context(keeping_heads(house))
        if not once:
            stack.enter_context(retaining(config))
            stack.enter_context(reporting(config))
            stack.enter_context(beside("notices", lambda: attend(house), LASTING_SECONDS))
            channels = Channels(config, sealer_of(config, house.records))
            stack.enter_context(notifying(house, channels, Staff(house.records)))
            stack.enter_context(forwarding(house))
        serve_metrics(config.api.host, metrics_port)
        stop = _stopping()
        while not stop():
            try:
                MARKS.set(len(house.records.pending()))
                spans = judge_marked(house, lambda judged: JUDGED.inc(len(judged.spans)), scores, lasting)
                if spans:
                    log.info("judged", persons=spans)
            except Unavailable as error:
                if once:
                    raise
                log.warning("judging waits", reason=str(error))
            if once:
                if listening:
                    tell(house.records, listening)
                return
            time.sleep(every)


def _stopping() -> Callable[[], bool]:
    """Whether somebody has asked the process to end; it ends after what it has in hand."""
    asked: list[int] = []
    _on_stop(lambda: asked.append(1))
    return lambda: bool(asked)


def _on_stop(stop: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
