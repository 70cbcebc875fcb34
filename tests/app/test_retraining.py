"""From decided cases and past incidents to a model that learned from them, by command line and in notebooks."""

from __future__ import annotations

import ast
import csv
import json
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.config import load
from app.labels import found_by_model, labels_of, of_cases
from app.wiring import open_house
from core.alert import Alert, Outcome, Severity
from core.calendar import CompanyCalendar
from core.case import Case, CaseState
from core.label import Origin
from demo.simulate import simulate
from models.features import NAMES
from store.records import SqlRecords
from tests.app import notebooks
from tests.app.conftest import run
from tests.app.notebooks import NOTEBOOKS, OVER_THE_API, code_of, read

EMPLOYEES, DAYS, SEED = 90, 60, 3
CALENDAR = CompanyCalendar()
MODEL_RULES = frozenset({"unusual_day"})
HEAD = ("person", "first_day", "last_day", "kind", "why", "who")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("with-a-past")
    simulate(made, employees=EMPLOYEES, days=DAYS, seed=SEED)
    return made


@pytest.fixture(scope="module")
def data(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ingested once; legal has filed what it knows of the past."""
    found = tmp_path_factory.mktemp("retraining")
    run("ingest", "--all", logs, data=found)
    thieves = json.loads((logs / "truth.json").read_text())["thieves"]
    with (found / "incidents.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for one in thieves:
            writer.writerow(
                [one["email"], one["start"][:10], one["end"][:10], "theft", f"审计: {one['kind']}", "legal"]
            )
    run("models", "incidents", found / "incidents.csv", data=found)
    return found


@pytest.fixture(scope="module")
def model(data: Path) -> dict[str, Any]:
    """Trained once, by what legal has filed."""
    found: dict[str, Any] = json.loads(
        run("models", "train", "--days", DAYS, "--by", "li.na", "--json", data=data).stdout
    )
    return found


def test_incidents_go_in_once_and_checking_changes_nothing(logs: Path, data: Path, tmp_path: Path) -> None:
    told = run("models", "incidents", data / "incidents.csv", "--check", "--json", data=tmp_path)
    assert json.loads(told.stdout)["taken"] == len(json.loads((logs / "truth.json").read_text())["thieves"])
    with closing(SqlRecords(f"sqlite:///{tmp_path / 'records.db'}", keys=tmp_path / "records.key")) as records:
        assert records.incidents() == []
    with closing(SqlRecords(f"sqlite:///{data / 'records.db'}", keys=data / "records.key")) as records:
        before = records.incidents()
        run("models", "incidents", data / "incidents.csv", data=data)
        assert [(one, one.filed) for one in records.incidents()] == [(one, one.filed) for one in before]
    bad = tmp_path / "bad.csv"
    bad.write_text("人员,开始日期,类型,原因,认定人\n7,2026-13-01,窃取,x,y\n", encoding="utf-8")
    assert "line 2: 开始日期" in run("models", "incidents", bad, data=tmp_path, expect=1).stderr


def test_a_model_learns_from_incidents_and_its_card_says_from_whom(data: Path, model: dict[str, Any]) -> None:
    lesson = model["lesson"]
    assert lesson["people"] >= 10, lesson
    assert (lesson["decisions"], lesson["by_model"], lesson["who"]) == (0, 0, ["legal"])
    assert lesson["incidents"] + lesson["outside"] >= 12
    assert [metric["name"] for metric in lesson["metrics"]] == ["average_precision", "recall"], lesson["why"]
    better = all(
        with_it["value"] >= without["value"]
        for with_it, without in zip(lesson["metrics"], lesson["before"], strict=True)
    )
    assert better or not lesson["used"], "what does not help is left out"
    shown = run("models", "list", data=data).stdout
    assert "and past incidents: " in shown


def test_drift_is_looked_at_kept_and_told_by_doctor(data: Path, model: dict[str, Any]) -> None:
    assert "promote one" in run("models", "drift", data=data, expect=2).stderr
    run("models", "promote", model["id"], data=data)
    assert f"model: {model['id']}" in run("doctor", data=data, expect=None).stdout, "looked at once it judges"
    looked = run("models", "drift", "--days", "14", "--json", data=data, expect=None)
    found = json.loads(looked.stdout)
    assert looked.returncode == bool(found["problems"])
    assert (found["model"], len(found["psi"])) == (model["id"], len(NAMES))
    assert found["person_days"] > EMPLOYEES * 5
    told = run("doctor", data=data, expect=None).stdout
    assert f"{'FAIL' if found['problems'] else 'ok  '} model: {model['id']}" in told


def test_a_decision_has_a_name_and_becomes_a_label(data: Path) -> None:
    case = json.loads(run("cases", "--json", data=data).stdout)[0]
    run("cases", "decide", case["id"], "benign", "--reason", "quarter-end list", "--by", "wang.wei", data=data)
    with open_house(load(data, None)) as house:
        label = next(one for one in labels_of(house) if one.origin is Origin.DECISION and one.source == case["id"])
    assert (label.guilty, label.who, label.why) == (False, "wang.wei", "quarter-end list")
    assert label.when


def alert(person: str, day: int, rule: str = "mass_export", score: float = 30.0, **more: object) -> Alert:
    time = datetime(2026, 3, day, 4, tzinfo=UTC)
    values = {"id": f"{person} {day} {rule}", "severity": Severity.HIGH, "terms": (), "facts": {}, "events": ()}
    return Alert(
        **{**values, "rule": rule, "person": person, "day": time.date(), "time": time, "score": score, **more},  # type: ignore[arg-type]
        stage="active",
    )


def a_case(alerts: list[Alert], state: CaseState = CaseState.CONFIRMED, opened: int = 4, **more: object) -> Case:
    return Case(
        id="c",
        person=alerts[0].person,
        number=0,
        state=state,
        opened=datetime(2026, 3, opened, 4, tzinfo=UTC),
        score=40,
        alerts=tuple(one.id for one in alerts),
        **more,  # type: ignore[arg-type]
    )


def test_a_label_is_of_each_person_from_the_first_alert_to_the_last_with_who_when_and_why() -> None:
    alerts = [alert("a", 2), alert("a", 4), alert("a", 9), alert("b", 6)]
    more = {"decided": datetime(2026, 3, 20, tzinfo=UTC), "decided_by": "li.na", "reason": "she said so"}
    first, second = of_cases([a_case(alerts, **more)], alerts, CALENDAR, MODEL_RULES)
    assert (first.person, first.first, first.last) == ("a", date(2026, 3, 2), date(2026, 3, 9))
    assert (first.guilty, first.who, first.when, first.why) == (True, "li.na", date(2026, 3, 20), "she said so")
    assert first.taught == date(2026, 3, 4), "after the case opened somebody may have known"
    assert (second.person, second.taught) == ("b", date(2026, 3, 6)), "of a crew each has days of their own"


@pytest.mark.parametrize(
    ("state", "guilty"),
    [(CaseState.BENIGN, False), (CaseState.NEW, None), (CaseState.OVERFLOW, None), (CaseState.INSUFFICIENT, None)],
)
def test_only_a_decision_says_that_it_was_or_was_not(state: CaseState, guilty: bool | None) -> None:
    alerts = [alert("a", 2)]
    (label,) = of_cases([a_case(alerts, state)], alerts, CALENDAR, MODEL_RULES)
    assert label.guilty is guilty


def test_a_case_whose_alerts_are_gone_is_the_day_on_which_it_opened() -> None:
    (label,) = of_cases([a_case([alert("a", 2)])], [], CALENDAR, MODEL_RULES)
    assert (label.first, label.last, label.by_model) == (date(2026, 3, 4), date(2026, 3, 4), False)


def test_suppressed_matches_are_no_label() -> None:
    alerts = [alert("a", 2, outcome=Outcome.SUPPRESSED), alert("a", 3)]
    (label,) = of_cases([a_case(alerts)], alerts, CALENDAR, MODEL_RULES)
    assert label.first == date(2026, 3, 3)


def test_a_case_is_found_by_a_model_where_nothing_else_gave_it_points() -> None:
    of_model, of_rule = alert("a", 2, "unusual_day"), alert("a", 3)
    silent = alert("a", 4, "told_only", score=0)
    assert found_by_model(a_case([of_model, silent]), [of_model, silent], MODEL_RULES)
    assert not found_by_model(a_case([of_model, of_rule]), [of_model, of_rule], MODEL_RULES)
    assert not found_by_model(a_case([of_model]), [of_rule], MODEL_RULES), "of what is gone nothing is known"
    assert found_by_model(a_case([of_model]), [of_model, of_rule], MODEL_RULES), "another case's alert says nothing"


each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks_for_each_task() -> None:
    assert {path.stem for path in NOTEBOOKS} == {
        "person_time_line",
        "features_and_baselines",
        "threshold_and_budget",
        "incidents_and_retraining",
        OVER_THE_API,
    }


@each
def test_a_notebook_defines_nothing_and_keeps_no_output(path: Path) -> None:
    book = read(path)
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for text in code_of(path):
        assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, definitions)], text
        assert not text.lstrip().startswith(("%", "!")), "plain Python"


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem != OVER_THE_API], ids=lambda path: path.stem)
@pytest.mark.usefixtures("model")
def test_a_notebook_runs(path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAVERWATCH_DATA", str(data))
    names, shown = notebooks.run(path)
    tables = [one for one in shown if isinstance(one, pl.DataFrame)]
    assert tables
    assert all(table.width for table in tables)
    if path.stem == "incidents_and_retraining":
        assert names["lesson"].people >= 10
        assert names["card"].trained_by == "notebook"
