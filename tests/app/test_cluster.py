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
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.config import load
from app.jobs import EVERYBODY
from app.wiring import aside_in, open_house
from detection.hunt import Retold, hunt
from tests.app.conftest import answers, by_id, command, run
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
def test_looking_back_on_servers_finds_the_alerts_that_were_raised_live(
    logs: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """By the tags stored, and with every event tagged anew."""
    aside = tmp_path / "aside"
    aside.mkdir()
    run("ingest", "--all", logs, data=tmp_path)
    with open_house(load(tmp_path)) as house:
        book, least = house.book, {rule.name: rule.least for rule in house.book.event_rules}
        live = sorted(house.records.alerts(outcome=None), key=lambda alert: alert.id)
        anew = Retold(house.events, book, house.surroundings(), least, aside_in(aside))
        for store in (house.events, anew):
            bench = house.bench(house.directory(), book, store)
            judged = hunt({rule.name for rule in book.judged}, bench, None, None)
            assert sorted((alert for one in judged for alert in one.alerts), key=lambda alert: alert.id) == live
    everything = by_id(run("hunt", "mass_export", "--json", "--unmask", "test", data=tmp_path).stdout)["alerts"]
    found = [alert for alert in everything if alert["outcome"] == "alert"]
    told = [alert for alert in undisturbed["alerts"] if alert["rule"] == "mass_export"]
    same = ("id", "time", "score", "facts", "event_ids")  # a hunt asks no peers
    assert [[one[name] for name in same] for one in found] == [[one[name] for name in same] for one in told]
    assert found


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
        few = "import app.jobs; app.jobs.PERSONS_AT_A_TURN = 3; from app.cli import main; main()"
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


AWAY = {
    "POSTGRESQL": "postgresql://me:secret@127.0.0.1:1/db",
    "ELASTICSEARCH": "http://me:secret@127.0.0.1:1",
    "KAFKA": "127.0.0.1:1",
}


def findings(tmp_path: Path, *arguments: str) -> dict[str, tuple[bool, str]]:
    done = run("doctor", "--json", *arguments, data=tmp_path, expect=1)
    assert "secret" not in done.stdout + done.stderr
    return {one["check"]: (one["ok"], one["text"]) for one in json.loads(done.stdout)}


def test_every_server_that_is_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, address in AWAY.items():
        monkeypatch.setenv(f"LEAVERWATCH_CLUSTER_{name}", address)
    found = findings(tmp_path)
    for name in AWAY:
        ok, text = found.pop(name.lower())
        assert not ok
        assert "refused" in text
        assert "\n" not in text
    assert set(found) == {"rules"}, "what servers hold cannot be told"
    assert set(findings(tmp_path, "--process=collect")) == {"kafka", "rules"}
    assert set(findings(tmp_path, "--process=api")) == {"postgresql", "elasticsearch", "rules"}
    assert "127.0.0.1:1/db cannot be used" in run("cases", data=tmp_path, expect=2).stderr


@pytest.mark.usefixtures("servers")
def test_what_is_there_is_told_though_others_are_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAVERWATCH_CLUSTER_KAFKA", AWAY["KAFKA"])
    run("cases", data=tmp_path)
    found = findings(tmp_path)
    assert not found.pop("kafka")[0]
    assert found.pop("sources") == (False, "nothing has been imported yet")
    assert {"postgresql", "rules", "events", "judging"} <= set(found)
    assert [text for ok, text in found.values() if not ok] == []


def test_what_is_no_elasticsearch_and_no_broker_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as web:
        Thread(target=web.serve_forever, daemon=True).start()
        monkeypatch.setenv("LEAVERWATCH_CLUSTER_ELASTICSEARCH", f"http://127.0.0.1:{web.server_port}")
        monkeypatch.setenv("LEAVERWATCH_CLUSTER_KAFKA", f"127.0.0.1:{web.server_port}")
        found = findings(tmp_path)
        web.shutdown()
    assert found["elasticsearch"] == (False, "what answers at the address of Elasticsearch is something else")
    assert not found["kafka"][0]


def test_a_database_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh_database() as address:
        pass
    monkeypatch.setenv("LEAVERWATCH_CLUSTER_POSTGRESQL", address)
    assert "does not exist" in findings(tmp_path)["postgresql"][1]
