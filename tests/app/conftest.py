"""A small made-up company's logs, made once per test run, and a house to bring them into."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.simulate import simulate

SEED, EMPLOYEES, DAYS = 11, 40, 21


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("company")
    simulate(out, employees=EMPLOYEES, days=DAYS, seed=SEED)
    return out


Run = Callable[..., subprocess.CompletedProcess[str]]


def command(*arguments: object, data: Path) -> list[str]:
    return [sys.executable, "-m", "app", "--data", str(data), *(str(argument) for argument in arguments)]


def run(*arguments: object, data: Path, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
    """The command line as its user has it, in a process of its own."""
    done = subprocess.run(command(*arguments, data=data), capture_output=True, text=True, env=os.environ, timeout=280)
    if expect is not None:
        assert done.returncode == expect, done.stderr[-3000:] + done.stdout[-1000:]
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
def undisturbed(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The answers of one import, left in peace."""
    data = tmp_path_factory.mktemp("undisturbed")
    run("ingest", "--all", logs, data=data)
    found = answers(data)
    assert found["alerts"], "a company with thieves gives alerts"
    return found
