"""`models evaluate --cert`: data in the CERT layout in, figures by scenario out, and nothing left behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from demo.cert import simulate_cert
from tests.app.conftest import run

PEOPLE, DAYS = 80, 130
NAMES = {
    "user_day_auc",
    "user_day_ap",
    "user_day_recall_at_0.1%_false",
    "user_day_recall_at_1.0%_false",
    "user_day_recall_at_5.0%_false",
    "user_auc",
    "user_recall_at_0.1%_false",
    "user_recall_at_1.0%_false",
    "user_recall_at_5.0%_false",
    "user_recall_at_1_cases",
    "user_recall_at_5_cases",
    "user_recall_at_20_cases",
    "malicious_vs_benign_leavers_auc",
}


def made(folder: Path, release: str, seed: int) -> Path:
    simulate_cert(folder / f"r{release}", release, employees=PEOPLE, days=DAYS, seed=seed)
    return folder / f"r{release}"


def evaluated(folder: Path, data: Path) -> dict[str, Any]:
    document = json.loads(run("models", "evaluate", "--cert", folder, "--json", data=data).stdout)
    assert "learned from the days before it only, without the answers" in document["learning"]
    assert not list(data.iterdir()), "nothing is left of what was imported"
    [release] = document["releases"]
    return release


def figures(release: dict[str, Any], scenario: str, detector: str = "together") -> dict[str, float]:
    [found] = [one for one in release["scenarios"] if one["scenario"] == scenario]
    return {metric["name"]: metric["value"] for metric in found["detectors"][detector]}


def within(release: dict[str, Any]) -> None:
    """What every document keeps."""
    for fold in release["folds"]:
        assert fold["learned_until"] < fold["meanings_until"] < fold["first"] <= fold["last"]
    firsts = [fold["first"] for fold in release["folds"]]
    assert firsts == sorted(firsts)
    assert sum(fold["user_days"] for fold in release["folds"]) == release["user_days"]
    for scenario in release["scenarios"]:
        assert scenario["insiders_scored"] <= scenario["insiders"]
        for metrics in scenario["detectors"].values():
            for metric in metrics:
                assert 0 <= metric["low"] <= metric["value"] <= metric["high"] <= 1, metric
    for log in release["logs"].values():
        assert log["read"] == log["stored"] + log["duplicate"] + log["unreadable"] + log["ignored"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = made(tmp_path_factory.mktemp("whole"), "4.2", seed=2)
    with (folder / "logon.csv").open("a") as log:
        log.write("{X},13/45/2010 08:00:00,ABC,PC-1,Logon\n{Y},no,comma\n")
    return folder, evaluated(folder, tmp_path_factory.mktemp("data"))


def test_every_scenario_is_measured_and_made_thieves_stand_out(whole):
    _, release = whole
    within(release)
    assert (release["release"], release["absent"], release["says"]) == ("4.2", [], [])
    assert [one["scenario"] for one in release["scenarios"]] == ["1", "2", "3"]
    scored = [one for one in release["scenarios"] if one["insiders_scored"]]
    assert scored
    for one in scored:
        assert set(figures(release, one["scenario"])) >= NAMES
        assert one["malicious_days"] > 0
        assert one["benign_leavers"] > 0, "some leave for good reasons"
        assert set(one["detectors"]) >= {"together", "forest", "own", "peers"}
    night = figures(release, "1")
    assert night["user_day_auc"] > 0.9, "nights with a drive, of people who never had either"
    assert night["user_recall_at_5.0%_false"] == 1.0
    assert night["malicious_vs_benign_leavers_auc"] > 0.7


def test_it_says_on_whom_cases_for_nothing_fall_by_role_and_by_traits_that_nobody_is_judged_by(whole):
    _, release = whole
    everybody, *groups = release["fairness"]
    assert everybody["by"] == "company"
    assert 0 < everybody["persons"] <= PEOPLE - release["insiders"]
    traits = [one for one in groups if one["by"] in "OCEAN"]
    assert {one["by"] for one in traits} == set("OCEAN")
    assert {one["group"] for one in traits} == {"low", "middle", "high"}
    assert all(one["persons"] >= 20 for one in groups)


def test_rows_that_cannot_be_read_are_counted_with_their_reasons(whole):
    _, release = whole
    log = release["logs"]["logon"]
    assert log["unreadable"] == 2
    assert log["reasons"] == {"date is not a time": 1, "has 3 columns, the header 5": 1}


def test_people_read_a_table_for_each_scenario(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    simulate_cert(tmp_path / "r4.2", "4.2", employees=40, days=100, seed=2)
    (tmp_path / "r4.2" / "http.csv").unlink()
    said = run("models", "evaluate", "--cert", tmp_path / "r4.2", data=tmp_path / "data").stdout
    assert "absent, so nothing that only shows there can be found: http.csv" in said
    assert "CERT 4.2, scenario 1: " in said
    assert "malicious_vs_benign_leavers_auc" in said


def test_with_some_of_the_logs_it_says_what_is_absent_and_measures_the_rest(tmp_path):
    folder = made(tmp_path, "6.2", seed=4)
    for name in ("http.csv", "email.csv", "psychometric.csv"):
        (folder / name).unlink()
    release = evaluated(folder, tmp_path / "data")
    within(release)
    assert release["absent"] == ["email.csv", "http.csv"]
    assert "email.csv, http.csv" in release["says"][0]
    assert [one["scenario"] for one in release["scenarios"]] == ["1", "2", "3", "4", "5"]
    assert figures(release, "1")["user_day_auc"] > 0.9


def test_mail_home_from_others_machines_is_found_in_release_5(tmp_path):
    folder = made(tmp_path, "5.2", seed=6)
    release = evaluated(folder, tmp_path / "data")
    within(release)
    assert "4" in [one["scenario"] for one in release["scenarios"]]
    slow = figures(release, "4")
    assert slow["user_day_auc"] > 0.8
    assert slow["user_auc"] > 0.8


def test_without_answers_and_people_only_what_needs_neither_is_said(tmp_path):
    folder = made(tmp_path, "4.2", seed=5)
    for name in ("answers", "LDAP"):
        shutil.rmtree(folder / name)
    for name in ("http.csv", "email.csv", "file.csv"):
        (folder / name).unlink()
    release = evaluated(folder, tmp_path / "data")
    assert release["scenarios"] == []
    assert release["insiders"] is None
    assert release["says"][0].startswith("the answers are absent")
    assert release["says"][1].startswith("LDAP is absent")
    named = {metric["name"]: metric["value"] for metric in release["summary"]["together"]}
    assert 0 < named["beyond_1_in_1000"] <= named["beyond_1_in_100"] < 0.1
    assert named["scored"] > 0.5


def test_what_is_no_such_data_is_refused(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()

    def refused() -> str:
        return run("models", "evaluate", "--cert", logs, data=tmp_path / "data", expect=2).stderr

    assert "no CERT data" in refused()
    (logs / "logon.csv").write_text("a,b\n1,2\n")
    assert "no event" in refused()
    (logs / "logon.csv").write_text("id,date,user,pc,activity\n{A},01/04/2010 08:00:00,ABC,PC-1,Logon\n")
    assert "days are too few" in refused()
    with (logs / "logon.csv").open("a") as log:
        log.write("{B},01/04/1980 08:00:00,ABC,PC-1,Logon\n")
    assert "from 1980-01-04 to 2010-01-04 are no release's" in refused()


def test_a_simulation_in_the_layout_is_one_command_away(tmp_path):
    run("simulate", tmp_path / "r5.2", "--cert", "5.2", "--employees", 40, "--days", 100, data=tmp_path / "d")
    assert (tmp_path / "r5.2" / "answers" / "insiders.csv").is_file()
    assert "no release 3" in run("simulate", tmp_path / "x", "--cert", "3", data=tmp_path / "d", expect=2).stderr
