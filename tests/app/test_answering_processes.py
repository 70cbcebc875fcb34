"""The service answers in several processes: what one of them does is known to all, and none is left behind."""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest
import uvicorn

from access.keys import allowed, new_key
from access.noting import changed
from app.config import Config
from app.serving import Place, listening
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


@pytest.fixture
def place() -> Iterator[Place]:
    with listening(uvicorn.Config("none", host="127.0.0.1", port=0, log_level="critical")) as taken:
        yield taken


def _given(place: Place) -> socket.socket:
    """What a process gets of it."""
    own: socket.socket = pickle.loads(ForkingPickler.dumps(place))
    own.listen()
    own.settimeout(SECONDS)
    return own


def test_no_part_of_an_answer_waits_for_the_one_before_to_have_come(place: Place) -> None:
    with _given(place) as own, socket.create_connection(own.getsockname()), own.accept()[0] as connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_connections_are_dealt_out_among_processes_whichever_of_them_wakes_first(place: Place) -> None:
    with _given(place) as one, _given(place) as other, ExitStack() as calling:
        for _ in range(64):
            calling.enter_context(socket.create_connection(place.getsockname()))
        # Neither was asked before all had come, so each has its own.
        for own in (one, other):
            own.accept()[0].close()


def test_nobody_else_can_have_the_place_neither_before_anybody_listens_there_nor_after(place: Place) -> None:
    with socket.socket() as another:
        # As uvicorn binds.
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            another.bind(place.getsockname())
        with _given(place), pytest.raises(OSError, match="in use"):
            another.bind(place.getsockname())


def test_whoever_starts_again_has_the_place_though_connections_were_closed_a_moment_ago(place: Place) -> None:
    address = place.getsockname()
    with _given(place) as own, socket.create_connection(address) as calling:
        # Who closes first is the one whose end lingers.
        own.accept()[0].close()
        assert calling.recv(1) == b""
    place.close()
    with listening(uvicorn.Config("none", host=address[0], port=address[1], log_level="critical")) as again:
        assert again.getsockname() == address


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
