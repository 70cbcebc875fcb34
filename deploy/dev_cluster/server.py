"""A server process that is ours: made ready once, started, stopped, killed, and started again on the same port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

READY_SECONDS = 90
STOP_SECONDS = 60
NOBODY = "nobody"


class Failed(Exception):
    """A server that did not come up; the text ends with its own last words."""


class Server(ABC):
    """One server in a folder of its own. Servers refuse to run as root: started by root, it runs as `nobody`."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return int((self.folder / "port").read_text())

    @property
    @abstractmethod
    def address(self) -> str:
        """What the configuration file takes."""

    @abstractmethod
    def prepare(self) -> None:
        """Lay out the folder, once."""

    @abstractmethod
    def command(self) -> list[str]:
        """What runs the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it does its work."""

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def start(self) -> None:
        """Start it and wait until it answers. Raises `Failed`."""
        if not (self.folder / "ready").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            self._give_away()
            (self.folder / "port").write_text(str(free_port()))
            self.prepare()
            (self.folder / "ready").touch()
        self._give_away()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=_user(),
            )
        (self.folder / "pid").write_text(str(self._process.pid))
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise Failed(f"{self.name} did not start: {self._last_words()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask it to end, and wait; it can be started again."""
        self._signal(self.stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        while self.runs() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.kill()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._signal(signal.SIGKILL)
        while self.runs():
            time.sleep(0.02)

    def runs(self) -> bool:
        """Whether the process that this folder's server was started as is alive."""
        if self._process:
            return self._process.poll() is None
        pid = self._pid()
        return pid is not None and self._is_ours(pid)

    def run_once(self, line: list[str]) -> None:
        """Run a helper program to its end. Raises `Failed`."""
        done = subprocess.run(line, cwd=self.folder, env=self.environment(), capture_output=True, user=_user())
        if done.returncode:
            raise Failed(f"{self.name} could not be set up: {done.stderr.decode(errors='replace')[-500:]}")

    def _signal(self, number: signal.Signals) -> None:
        pid = self._pid()
        if pid is not None and self.runs():
            try:
                if number is signal.SIGKILL:
                    os.killpg(pid, number)
                else:
                    os.kill(pid, number)
            except ProcessLookupError:
                return

    def _pid(self) -> int | None:
        try:
            return int((self.folder / "pid").read_text())
        except (OSError, ValueError):
            return None

    def _is_ours(self, pid: int) -> bool:
        """Whether the process works in this folder: a number may have been given to another one since."""
        try:
            folder = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            return False
        return Path(folder).is_relative_to(self.folder)

    def _give_away(self) -> None:
        user = _user()
        if user:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, user)

    def _last_words(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-1500:]


def _user() -> str | None:
    return NOBODY if os.geteuid() == 0 else None


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
