"""Models by command line: learned, listed, promoted, rolled back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from demo.simulate import simulate
from tests.app.conftest import run

EMPLOYEES, DAYS = 60, 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logs, data = tmp_path_factory.mktemp("longer"), tmp_path_factory.mktemp("learning")
    simulate(logs, employees=EMPLOYEES, days=DAYS, seed=5)
    run("ingest", "--all", logs, data=data)
    return data


def test_models_are_learned_promoted_and_brought_back(data: Path) -> None:
    first = json.loads(run("models", "train", "--days", DAYS, "--by", "li.na", "--json", data=data).stdout)
    assert (first["state"], first["trained_by"]) == ("trained", "li.na")
    assert first["persons"] >= EMPLOYEES / 2
    assert {metric["name"] for metric in first["evaluation"]["metrics"]} >= {"scored", "miscalibration"}
    assert first["last"] < first["evaluation"]["first"], "evaluated on days that nothing was learned from"
    second = json.loads(run("models", "train", "--days", DAYS, "--seed", "1", "--json", data=data).stdout)
    promoted = json.loads(run("models", "promote", first["id"], "--json", data=data).stdout)
    assert promoted["state"] == "champion"
    shadowed = json.loads(run("models", "shadow", second["id"][:8], "--json", data=data).stdout)
    assert shadowed["state"] == "shadow"
    found = json.loads(run("models", "findings", second["id"][:8], "--json", data=data).stdout)
    listed = {model["id"]: model["findings"] for model in json.loads(run("models", "list", "--json", data=data).stdout)}
    assert listed[second["id"]] == len(found)
    assert all(one["day"] > second["last"] for one in found), "never of days it learned from"
    assert "findings" in run("models", "findings", second["id"][:8], "--lang", "zh", data=data).stdout
    outcome = run("models", "promote", second["id"], "--by", "li.na", "--json", data=data, expect=None)
    if outcome.returncode:
        assert "worse than the champion" in outcome.stderr
    else:
        back = json.loads(run("models", "rollback", "--why", "too loud", "--json", data=data).stdout)
        assert (back["id"], back["state"]) == (first["id"], "champion")
    states = {model["id"]: model["state"] for model in json.loads(run("models", "list", "--json", data=data).stdout)}
    assert states[first["id"]] == "champion"
    assert not list(data.glob("person-days-*")), "nothing is left of what was learned from"


def test_a_model_that_was_tampered_with_is_not_promoted(data: Path) -> None:
    model = json.loads(run("models", "train", "--days", DAYS, "--seed", "2", "--json", data=data).stdout)["id"]
    (data / "models" / f"{model}.skops").write_bytes(b"something else")
    refused = run("models", "promote", model, data=data, expect=2)
    assert "sha256" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_where_there_is_too_little_nothing_is_learned(tmp_path: Path) -> None:
    assert "import logs first" in run("models", "train", data=tmp_path, expect=2).stderr
    assert "go back to" in run("models", "rollback", data=tmp_path, expect=2).stderr
    assert "no model begins with x" in run("models", "promote", "x", data=tmp_path, expect=2).stderr
    assert json.loads(run("models", "list", "--json", data=tmp_path).stdout) == []


def test_commands_that_need_no_model_do_not_load_what_models_need() -> None:
    code = "import app.cli, app.wiring, app.jobs, app.pipeline, api.server, sys; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
