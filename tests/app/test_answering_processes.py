"""The service answers in several processes: what one of them does is known to all, and none is left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn

from access.keys import allowed, new_key
from access.noting import changed
from app.config import Config
from app.serving import listening
from app.wiring import open_house
from core.access import Role
from core.users import User
from tests.app.conftest import command

SECONDS = 60.0
"""Much longer than it takes, for a machine that is busy."""
COUNTED = re.compile(r'leaverwatch_request_seconds_count\{operation="health",status="200"\} (\d+)')


class Served:
    """`serve` as somebody starts it, with the key of one who may read its counts."""

    def __init__(self, data: Path) -> None:
        with open_house(Config(data=data)) as house:
            now = datetime.now(UTC)
            user = User(name="prometheus", roles=frozenset({Role.ADMIN}), created=now)
            house.records.add_user(user, changed("test", user.name, now, "user added"))
            key, self._key = new_key(user, "test", allowed(user), 1, now)
            house.records.add_key(key, changed("test", user.name, now, "key made"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = os.environ | {"LEAVERWATCH_API_PORT": str(self.port), "LEAVERWATCH_API_PROCESSES": "2"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command("serve", data=data), env=environment, **quiet)
        until(lambda: self.asked("/readyz"))

    def asked(self, path: str) -> str:
        """The answer to one who connects anew; nothing where there is none."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        request.add_header("Authorization", f"Bearer {self._key}")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as got:
                answer: str = got.read().decode()
                return answer
        except OSError:
            return ""

    @property
    def answering(self) -> list[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def until(true: Callable[[], object]) -> None:
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < SECONDS, "it never came"
        time.sleep(0.05)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.process.kill()
    made.process.wait(SECONDS)


def test_no_part_of_an_answer_waits_for_the_one_before_to_have_come() -> None:
    with listening(uvicorn.Config("none", host="127.0.0.1", port=0, log_level="critical")) as bound:
        bound.listen()
        with socket.create_connection(bound.getsockname()), bound.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_processes_count_together_and_one_that_dies_is_replaced_and_none_outlives_its_parent(served: Served) -> None:
    first = served.answering
    assert len(first) == 2
    for _ in range(20):
        assert served.asked("/healthz") == '{"status":"ok"}'
    until(lambda: (found := COUNTED.search(served.asked("/metrics"))) and found[1] == "20")

    os.kill(first[0], signal.SIGKILL)
    until(lambda: len({*served.answering} - {*first}) == 1)
    until(lambda: served.asked("/healthz"))

    left = served.answering
    served.process.kill()
    served.process.wait(SECONDS)
    until(lambda: not [pid for pid in left if Path(f"/proc/{pid}").exists() and not _ended(pid)])


def _ended(pid: int) -> bool:
    """Dead, and not fetched by anybody yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
