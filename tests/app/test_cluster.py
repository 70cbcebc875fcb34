"""The same answers on servers as on the embedded default, whoever dies on the way."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.config import load
from app.jobs import EVERYBODY
from app.wiring import open_house
from tests.app.conftest import answers, command, run
from tests.cluster import address_of, fresh_database, fresh_namespace

pytestmark = pytest.mark.cluster


@pytest.fixture(params=["postgresql", "postgresql and elasticsearch"])
def servers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every command of the test finds its records in a database of its own, its events in a namespace of its own."""
    with ExitStack() as stack:
        monkeypatch.setenv("LEAVERWATCH_CLUSTER_POSTGRESQL", stack.enter_context(fresh_database()))
        if "elasticsearch" in request.param:
            monkeypatch.setenv("LEAVERWATCH_CLUSTER_ELASTICSEARCH", address_of("elasticsearch"))
            monkeypatch.setenv("LEAVERWATCH_CLUSTER_NAMESPACE", stack.enter_context(fresh_namespace()))
        yield


@pytest.mark.usefixtures("servers")
def test_servers_give_the_same_answers(logs: Path, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    run("ingest", "--all", logs, data=tmp_path)
    assert not (tmp_path / "records.db").exists()
    assert answers(tmp_path) == undisturbed
    run("ingest", "--all", logs, data=tmp_path)
    assert answers(tmp_path) == undisturbed


@pytest.mark.usefixtures("servers")
def test_an_import_killed_again_and_again_gives_the_same_answers(
    logs: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    chance = random.Random(5)
    for _ in range(6):
        importing = subprocess.Popen(command("ingest", "--all", logs, data=tmp_path), stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(1.5, 6.0))
        importing.kill()
        importing.communicate()
    run("ingest", "--all", logs, data=tmp_path)
    assert answers(tmp_path) == undisturbed


@pytest.mark.usefixtures("servers")
def test_judges_that_share_the_marks_and_die_give_the_same_answers(
    logs: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """Everybody is marked; of three judges who take few persons at a time one after the other is killed."""
    run("ingest", "--all", logs, data=tmp_path)
    with open_house(load(tmp_path)) as house:
        house.records.add([EVERYBODY])
        few = "import app.jobs; app.jobs.PERSONS_AT_ONCE = 3; from app.cli import main; main()"
        line = [sys.executable, "-c", few, "--data", str(tmp_path), "judge", "--once"]
        judges = [subprocess.Popen(line, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        chance = random.Random(4)
        for _ in range(4):
            time.sleep(chance.uniform(0.8, 2.0))
            victim = judges.pop(0)
            victim.kill()
            victim.communicate()
            judges.append(subprocess.Popen(line, stderr=subprocess.PIPE, text=True))
        for judge in judges:
            _, told = judge.communicate(timeout=200)
            assert judge.returncode == 0, told[-3000:]
        assert list(house.records.pending()) == []
    assert answers(tmp_path) == undisturbed


@pytest.mark.usefixtures("servers")
def test_a_store_that_moves_to_servers_gives_the_same_answers(
    logs: Path, undisturbed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "LEAVERWATCH_CLUSTER_ELASTICSEARCH" not in os.environ:
        assert "is not set" in run("migrate", "--to", "elasticsearch", data=tmp_path, expect=2).stderr
        return
    with monkeypatch.context() as alone:
        for name in [name for name in os.environ if name.startswith("LEAVERWATCH_CLUSTER")]:
            alone.delenv(name)
        run("ingest", "--all", logs, data=tmp_path)
    moving = subprocess.Popen(command("migrate", "--to", "elasticsearch", data=tmp_path), stderr=subprocess.DEVNULL)
    time.sleep(4.0)
    moving.kill()
    moving.communicate()
    moved = json.loads(run("migrate", "--to", "elasticsearch", "--json", data=tmp_path).stdout)["moved"]
    assert sum(one["rows"] for one in moved if one["kind"] == "event") == sum(undisturbed["events"].values())
    assert not any(one["refused"] for one in moved)
    shutil.move(tmp_path / "records.db", tmp_path / "old.db")
    assert answers(tmp_path) == undisturbed
    run("ingest", "--all", logs, data=tmp_path)
    assert answers(tmp_path) == undisturbed


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAVERWATCH_CLUSTER_POSTGRESQL", "postgresql://me:secret@127.0.0.1:1/db")
    done = run("doctor", data=tmp_path, expect=2)
    assert "127.0.0.1:1/db cannot be used" in done.stderr
    assert "refused" in done.stderr
    assert "secret" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_database_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh_database() as address:
        pass
    monkeypatch.setenv("LEAVERWATCH_CLUSTER_POSTGRESQL", address)
    assert "does not exist" in run("doctor", data=tmp_path, expect=2).stderr
