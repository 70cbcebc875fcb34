"""Processes and servers that die, hang and are cut off while logs arrive: the answers stay the same."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from kafka import KafkaConsumer

from deploy.dev_cluster.elasticsearch import Elasticsearch
from deploy.dev_cluster.kafka import Kafka
from deploy.dev_cluster.server import Server
from store.kafka.connection import ALERTS
from tests.app.conftest import answers, command, run
from tests.cluster import fresh_database, own_server
from tests.proxy import Proxy

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]
Mishap = Callable[[], object]


class Company:
    """A cluster at work: its own broker and Elasticsearch, cables that can be pulled, and processes that somebody
    starts again when they have ended."""

    def __init__(self, stack: ExitStack, chance: random.Random) -> None:
        self._chance = chance
        kafka, elasticsearch = (stack.enter_context(own_server(kind)) for kind in (Kafka, Elasticsearch))
        database = sa.make_url(stack.enter_context(fresh_database()))
        assert database.port
        self._servers: list[Server] = [kafka, elasticsearch]
        self._cables = [stack.enter_context(closing(Proxy(port))) for port in (elasticsearch.port, database.port)]
        self.environment = {
            "LEAVERWATCH_CLUSTER_ELASTICSEARCH": f"http://127.0.0.1:{self._cables[0].port}",
            "LEAVERWATCH_CLUSTER_POSTGRESQL": database.set(port=self._cables[1].port).render_as_string(False),
            "LEAVERWATCH_CLUSTER_KAFKA": kafka.address,
        }
        self._lines: list[list[str]] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def employ(self, *lines: list[str]) -> None:
        for line in lines:
            self._lines.append(line)
            self._processes.append(subprocess.Popen(line, stderr=subprocess.DEVNULL))

    def look_after(self) -> None:
        for number, line in enumerate(self._lines):
            if self._processes[number].poll() is not None:
                self._processes[number] = subprocess.Popen(line, stderr=subprocess.DEVNULL)

    def dismiss(self) -> None:
        """Ask all processes to end, and wait for it."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(120)
            finally:
                process.kill()

    def mishaps(self) -> list[Mishap]:
        """Every process dies, every server dies and hangs, every cable is pulled; in any order."""
        found: list[Mishap] = [
            *(partial(self._falls, number) for number in range(len(self._lines))),
            *(partial(happens, server) for server in self._servers for happens in (self._dies, self._hangs)),
            *(partial(self._is_pulled, cable) for cable in self._cables),
        ]
        self._chance.shuffle(found)
        return found

    def _falls(self, number: int) -> None:
        self._processes[number].kill()

    def _dies(self, server: Server) -> None:
        server.kill()
        self._wait(0.5, 3.0)
        server.start()

    def _hangs(self, server: Server) -> None:
        """As behind a disk that answers nothing for a while."""
        pid = int((server.folder / "pid").read_text())
        os.killpg(pid, signal.SIGSTOP)
        self._wait(2.0, 5.0)
        os.killpg(pid, signal.SIGCONT)

    def _is_pulled(self, cable: Proxy) -> None:
        cable.cut()
        self._wait(2.0, 5.0)
        cable.mend()

    def _wait(self, least: float, most: float) -> None:
        time.sleep(self._chance.uniform(least, most))


def heard(brokers: str) -> dict[str, float]:
    """The score of each alert that other systems were told of and not told that it is gone."""
    scores: dict[str, float] = {}
    with closing(KafkaConsumer(ALERTS, bootstrap_servers=brokers, auto_offset_reset="earliest")) as consumer:
        for polled in iter(lambda: consumer.poll(timeout_ms=3000), {}):
            for message in chain.from_iterable(polled.values()):
                scores.pop(message.key.decode(), None)
                if message.value:
                    scores[message.key.decode()] = orjson.loads(message.value)["score"]
    return scores


@pytest.fixture
def company(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    with ExitStack() as stack:
        company = Company(stack, random.Random(9))
        stack.callback(company.dismiss)
        for name, value in company.environment.items():
            monkeypatch.setenv(name, value)
        yield company


@pytest.mark.parametrize("workers", [1, 4])
def test_whatever_happens_no_answer_changes(
    company: Company, logs: Path, undisturbed: dict[str, Any], tmp_path: Path, workers: int
) -> None:
    arriving = tmp_path / "logs"
    arriving.mkdir()
    company.employ(
        command("collect", arriving, "--every", 0.5, data=tmp_path),
        *(command("worker", data=tmp_path) for _ in range(workers)),
        command("judge", "--every", 0.5, data=tmp_path),
    )
    files = [file for file in sorted(logs.rglob("*")) if file.is_file() and "hr" not in file.parts]
    mishaps = company.mishaps()
    for number, mishap in enumerate(mishaps):
        for file in files[number :: len(mishaps)]:
            target = arriving / file.relative_to(logs)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        time.sleep(2.0)
        mishap()
        company.look_after()
    company.dismiss()
    run("collect", arriving, "--once", data=tmp_path)
    run("worker", "--once", data=tmp_path)
    run("people", "import", logs / "hr" / "employees.csv", data=tmp_path)
    run("leavers", "import", logs / "hr" / "resignations.csv", data=tmp_path)
    run("approvals", "import", logs / "hr" / "approvals.csv", data=tmp_path)
    run("approvals", "import", logs / "hr" / "changes.csv", "--kind", "change", data=tmp_path)
    run("judge", "--once", data=tmp_path)
    assert answers(tmp_path) == undisturbed
    assert heard(company.environment["LEAVERWATCH_CLUSTER_KAFKA"]) == {
        alert["id"]: alert["score"] for alert in undisturbed["alerts"]
    }, "what other systems were told last of each alert is true"
