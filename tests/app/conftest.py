"""A small made-up company's logs, made once per test run, and a house to bring them into."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any
from unittest.mock import patch

import pytest
import structlog

from app.cli import main
from demo.simulate import simulate
from tests.api.apps import routes_are_made_once

__all__ = ["routes_are_made_once"]

SEED, EMPLOYEES, DAYS = 11, 40, 21


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that is made once per run of the tests, by whichever of their processes needs it first."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, made = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "company", lambda out: simulate(out, employees=EMPLOYEES, days=DAYS, seed=SEED))


Run = Callable[..., subprocess.CompletedProcess[str]]


def command(*arguments: object, data: Path) -> list[str]:
    return [sys.executable, "-m", "app", "--data", str(data), *(str(argument) for argument in arguments)]


def run(*arguments: object, data: Path, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
    """The command line as its user has it, in this process: a new one spends a second on its imports."""
    assert current_thread() is main_thread(), "what is written is caught for the whole process: use run_apart"
    line = command(*arguments, data=data)[2:]
    configured = structlog.get_config()
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err, patch.object(sys, "argv", line):
        try:
            main()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        finally:
            structlog.configure(**configured)
    return expected(subprocess.CompletedProcess(line, code, out.getvalue(), err.getvalue()), expect)


def run_apart(*arguments: object, data: Path, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, for what must be beside others or know nothing of them."""
    line = command(*arguments, data=data)
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ, timeout=280)
    return expected(done, expect)


def expected(done: subprocess.CompletedProcess[str], code: int | None) -> subprocess.CompletedProcess[str]:
    if code is not None:
        assert done.returncode == code, done.stderr[-3000:] + done.stdout[-1000:]
    return done


def by_id(text: str) -> Any:
    """Unmasked documents with persons by id: every installation has pseudonyms of its own."""
    told = json.loads(text)
    for one in told if isinstance(told, list) else told["alerts"]:
        text = text.replace(one["person"], json.dumps(one["identity"]["id"])[1:-1])
    return json.loads(text)


def answers(data: Path) -> dict[str, Any]:
    """Everything a later reader would be told, without the wall clock of its writing."""
    found = {
        name: by_id(run(name, "--json", "--unmask", "test", data=data).stdout) for name in ("alerts", "cases", "risk")
    }
    for alert in found["alerts"]:
        del alert["detected_at"]
    return {
        **found,
        "risk": sorted(found["risk"], key=lambda one: (-one["score"], one["person"])),
        "events": {s["source"]: s["events"] for s in json.loads(run("sources", "status", "--json", data=data).stdout)},
    }


@pytest.fixture(scope="session")
def imported(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of one import, left in peace; `data` is to be copied by who changes it, `told.json` what was told of it
    and `answers.json` what it answers."""

    def make(folder: Path) -> None:
        data = folder / "data"
        told = run("ingest", "--all", logs, "--json", data=data).stdout
        (folder / "told.json").write_text(told)
        (folder / "answers.json").write_text(json.dumps(answers(data)))

    return once(tmp_path_factory, "imported", make)


@pytest.fixture(scope="session")
def undisturbed(imported: Path) -> dict[str, Any]:
    """The answers of one import, left in peace."""
    found: dict[str, Any] = json.loads((imported / "answers.json").read_text())
    assert found["alerts"], "a company with thieves gives alerts"
    return found
