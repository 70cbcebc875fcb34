"""Models by command line: learned, listed, promoted, rolled back."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.config import load
from app.deeds import of_cases, of_truth
from app.modelling import promote, registry_of, train
from app.wiring import open_house
from core.case import CaseState
from core.errors import Refused
from demo.simulate import simulate
from tests.app.conftest import run, run_apart

EMPLOYEES, DAYS = 60, 60


@pytest.fixture(scope="module")
def logs_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logs = tmp_path_factory.mktemp("longer")
    simulate(logs, employees=EMPLOYEES, days=DAYS, seed=5)
    return logs


@pytest.fixture(scope="module")
def data(logs_of: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("learning")
    run("ingest", "--all", logs_of, data=data)
    return data


def test_models_are_learned_promoted_and_brought_back(data: Path) -> None:
    first = json.loads(run("models", "train", "--days", DAYS, "--by", "li.na", "--json", data=data).stdout)
    assert (first["state"], first["trained_by"]) == ("trained", "li.na")
    assert first["persons"] >= EMPLOYEES / 2
    assert {metric["name"] for metric in first["evaluation"]["metrics"]} >= {"scored", "miscalibration"}
    assert first["last"] < first["evaluation"]["first"], "evaluated on days that nothing was learned from"
    second = json.loads(run("models", "train", "--seed", "1", "--json", data=data).stdout)
    assert second["first"] == first["first"], "there are not more days than logs"
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
    assert "import logs first" in run_apart("models", "train", data=tmp_path, expect=2).stderr
    assert "go back to" in run("models", "rollback", data=tmp_path, expect=2).stderr
    assert "no model begins with x" in run("models", "promote", "x", data=tmp_path, expect=2).stderr
    assert json.loads(run("models", "list", "--json", data=tmp_path).stdout) == []


def test_commands_that_need_no_model_do_not_load_what_models_need() -> None:
    code = "import app.cli, app.wiring, app.jobs, app.pipeline, api.server, sys; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.fixture(scope="module")
def evaluated(data: Path, logs_of: Path) -> dict[str, Any]:
    model = json.loads(run("models", "train", "--days", DAYS, "--seed", "3", "--json", data=data).stdout)["id"]
    truth = logs_of / "truth.json"
    done = run("models", "evaluate", model, "--truth", truth, "--budget", 7, "--budget", 70, "--json", data=data)
    return dict(json.loads(done.stdout))


def test_an_evaluation_says_of_each_way_what_it_finds_with_equally_many_cases(evaluated: dict[str, Any]) -> None:
    assert evaluated["positives"] > 0
    assert evaluated["positives_by"] == "truth"
    for at in evaluated["budgets"]:
        assert at["ways"].keys() == {"rules", "models", "both"}
        for way in at["ways"].values():
            assert way["cases"] <= at["cases"]
            assert len(way["found"]) + len(way["missed"]) == evaluated["positives"]
            assert way["recall"]["value"] == pytest.approx(len(way["found"]) / evaluated["positives"])
            for name in ("recall", "precision", "lead_days", "early", "gone_records", "gone_bytes"):
                if metric := way[name]:
                    assert metric["low"] <= metric["value"] <= metric["high"]
    wide = evaluated["budgets"][-1]
    assert wide["ways"]["rules"]["recall"]["value"] > 0, "the rules find some of the thieves"
    assert {one["by"] for one in evaluated["fairness"]["both"]} >= {"company", "leads", "leaving"}
    assert evaluated["miscalibration"].keys() >= {"together", "own"}
    assert {one["detector"] for one in evaluated["ablation"]} >= {"forest", "own"}


def test_nothing_is_evaluated_on_days_that_were_learned_from(data: Path, evaluated: dict[str, Any]) -> None:
    assert evaluated["learned_until"] < evaluated["first"]
    early = run("models", "evaluate", evaluated["model"], "--since", evaluated["learned_until"], data=data, expect=2)
    assert f"can be evaluated from {evaluated['first']} on" in early.stderr
    none = run("models", "evaluate", evaluated["model"], "--until", evaluated["learned_until"], data=data, expect=2)
    assert "there are no days from" in none.stderr


def test_a_challenger_is_not_compared_on_days_that_the_champion_learned_from(
    data: Path, evaluated: dict[str, Any]
) -> None:
    learned = date.fromisoformat(evaluated["learned_until"])
    with open_house(load(data)) as house:
        if registry_of(house).champion() is None:
            promote(house, evaluated["model"], by="li")
        older = train(house, learned - timedelta(days=40), learned, by="li")
        with pytest.raises(Refused, match="learned from all days that"):
            promote(house, older.id, by="li")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Invalid JSON"),
        ("[]", "should be an object"),
        ('{"thieves": [{"person": 1, "start": "2026-06-01T00:00:00Z", "end": "2026-06-02T00:00:00Z"}]}', "thieves.0"),
        ('{"thieves": [{"person": "E10001", "start": "yesterday", "end": "2026-06-02T00:00:00Z"}]}', "thieves.0.start"),
        (
            '{"thieves": [{"person": "E10001", "start": "2026-06-03T00:00:00Z", "end": "2026-06-02T00:00:00Z"}]}',
            "ends before it begins",
        ),
        (
            '{"thieves": [{"person": "nobody", "start": "2026-06-01T00:00:00Z", "end": "2026-06-02T00:00:00Z"}]}',
            "nobody here is nobody",
        ),
    ],
)
def test_a_truth_that_is_none_is_refused_in_a_sentence(data: Path, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "truth.json"
    file.write_text(text)
    with open_house(load(data)) as house:
        start, end = (datetime(2026, month, 1, tzinfo=UTC) for month in (6, 7))
        with pytest.raises(Refused, match=said):
            of_truth(house, house.directory(), file, start, end)
        with pytest.raises(Refused, match="No such file"):
            of_truth(house, house.directory(), tmp_path / "none.json", start, end)


def test_without_a_truth_confirmed_cases_say_who_did_something(data: Path, evaluated: dict[str, Any]) -> None:
    with open_house(load(data)) as house:
        alerts = {alert.id: alert for alert in house.records.alerts()}
        start = house.calendar.start_of(date.fromisoformat(evaluated["first"]))
        end = house.calendar.end_of(date.fromisoformat(evaluated["last"]))
        case = next(
            case
            for case in house.records.cases()
            if all(start <= alerts[one].time < end for one in case.alerts) and case.state == CaseState.NEW
        )
        house.records.decide(case.id, CaseState.CONFIRMED, "seen", datetime.now(UTC))
        known = of_cases(house, house.directory(), start, end)
    (deed,) = known.deeds
    assert deed.person == case.person
    assert deed.start <= min(alerts[one].time for one in case.alerts), "from the first event the alerts name"
    assert deed.end == max(alerts[one].time for one in case.alerts)
    told = run("models", "evaluate", evaluated["model"], data=data).stdout
    assert "1 did something, by confirmed cases" in told
    assert "of whom nothing was decided" in told
