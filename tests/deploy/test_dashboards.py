"""Alerts and dashboards ask only for what there is: our metrics, our fields; every reference leads somewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from core.actions import ACTIONS
from tests.deploy.contract import DEPLOY, PARTS, TOP, fields, metrics

RULES = DEPLOY / "prometheus/leaverwatch.rules.yml"
GRAFANA: dict[str, Any] = json.loads((DEPLOY / "grafana/leaverwatch.json").read_text(encoding="utf-8"))
NDJSON = (DEPLOY / "kibana/leaverwatch.ndjson").read_text(encoding="utf-8")


class Exported(BaseModel):
    """What Kibana 8.11 writes; newer ones bring it up to their own shape."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class Reference(Exported):
    id: str
    name: str
    type: str


class SavedObject(Exported):
    attributes: dict[str, Any]
    core_migration_version: Literal["8.8.0"]
    id: str
    managed: Literal[False]
    references: list[Reference]
    type: Literal["index-pattern", "search", "lens", "dashboard"]
    type_migration_version: Literal["8.0.0", "8.9.0"]


class Summary(Exported):
    """The last line of an export."""

    excluded_objects: list[object]
    excluded_objects_count: Literal[0]
    exported_count: int
    missing_ref_count: Literal[0]
    missing_references: list[object]


*LINES, LAST = NDJSON.splitlines()
OBJECTS = [SavedObject.model_validate_json(line) for line in LINES]
BY_ID = {one.id: one for one in OBJECTS}


def _fields_of(one: SavedObject) -> set[str]:
    """The searched fields of the indices that an object looks at."""
    (view,) = {reference.id for reference in one.references}
    return fields()[BY_ID[view].attributes["title"]]


def _asked(query: str) -> set[str]:
    return set(re.findall(r"([\w.@]+) *:", query))


def test_an_export_says_how_much_it_holds_and_names_each_once() -> None:
    assert Summary.model_validate_json(LAST).exported_count == len(OBJECTS) == len(BY_ID)


def test_every_reference_leads_to_an_object_of_its_type() -> None:
    for one in OBJECTS:
        assert len({reference.name for reference in one.references}) == len(one.references)
        for reference in one.references:
            assert BY_ID[reference.id].type == reference.type


def test_data_views_are_of_indices_that_are_written() -> None:
    views = {one.attributes["title"]: one.attributes for one in OBJECTS if one.type == "index-pattern"}
    assert set(views) == set(fields())
    assert views["logs-*-leaverwatch"]["timeFieldName"] == "@timestamp"


def test_a_dashboard_shows_what_it_refers_to() -> None:
    (board,) = [one for one in OBJECTS if one.type == "dashboard"]
    panels = json.loads(board.attributes["panelsJSON"])
    shown = {(f"{panel['panelIndex']}:{panel['panelRefName']}", panel["type"]) for panel in panels}
    assert shown == {(reference.name, reference.type) for reference in board.references}
    assert all(panel["gridData"]["i"] == panel["panelIndex"] for panel in panels)
    assert all(panel["gridData"]["x"] + panel["gridData"]["w"] <= 48 for panel in panels)


@pytest.mark.parametrize("lens", [one for one in OBJECTS if one.type == "lens"], ids=lambda one: one.id)
def test_a_panel_uses_fields_that_can_be_searched(lens: SavedObject) -> None:
    state = lens.attributes["state"]
    ((layer, content),) = state["datasourceStates"]["formBased"]["layers"].items()
    columns = content["columns"]
    assert content["columnOrder"] == list(columns)
    assert lens.references[0].name == f"indexpattern-datasource-layer-{layer}"
    used = {column["sourceField"] for column in columns.values()} - {"___records___"}
    assert used | _asked(state["query"]["query"]) <= _fields_of(lens)
    for column in columns.values():
        if column["operationType"] == "terms":
            assert column["params"]["orderBy"]["columnId"] in columns
    named = set(re.findall(r'"(?:columnId|xAccessor|splitAccessor)": "(\w+)"', json.dumps(state["visualization"])))
    accessors = {name for part in state["visualization"].get("layers", []) for name in part["accessors"]}
    assert named | accessors == set(columns)


def test_a_saved_search_uses_fields_that_can_be_searched() -> None:
    (search,) = [one for one in OBJECTS if one.type == "search"]
    source = json.loads(search.attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert source["indexRefName"] == search.references[0].name
    used = {*search.attributes["columns"], *(field for field, _ in search.attributes["sort"])}
    assert used | _asked(source["query"]["query"]) <= _fields_of(search)


def test_queries_name_actions_that_there_are() -> None:
    queries = re.findall(r'event\.action : (\(.*?\)|\\+".*?")', NDJSON)
    named = {word for query in queries for word in re.findall(r'"([a-z_]+)\\', query)}
    assert {"export", "delete"} <= named <= ACTIONS


def test_no_address_is_in_a_dashboard() -> None:
    assert not re.search(r"https?://|\b\d+\.\d+\.\d+\.\d+\b", NDJSON + json.dumps(GRAFANA))


def test_only_metrics_that_there_are_are_asked_for(tmp_path: Path) -> None:
    known = metrics(tmp_path)
    rules = [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in GRAFANA["panels"] for target in panel["targets"]]
    used = set(re.findall(r"\bleaverwatch_\w+", " ".join(asked)))
    assert used <= known
    assert len({panel["id"] for panel in GRAFANA["panels"]}) == len(GRAFANA["panels"])


@pytest.mark.parametrize("page", ["docs/deploy.md", "docs/deploy.zh.md"])
def test_each_alert_says_in_both_languages_what_to_do(page: str) -> None:
    headings = set(re.findall(r"^### (\w+)$", (TOP / page).read_text(encoding="utf-8"), re.MULTILINE))
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    assert {rule["alert"] for rule in group["rules"]} == headings
    for rule in group["rules"]:
        assert rule["annotations"]["runbook"] == f"docs/deploy.md#{rule['alert'].lower()}"
        assert rule["annotations"]["summary"]
        assert re.search("[一-鿿]", rule["annotations"]["summary_zh"])


def test_jobs_are_called_as_the_alerts_expect_them() -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert {job["job_name"] for job in scraped} == {f"leaverwatch-{part}" for part in PARTS}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here")
def test_alerts_fire_when_they_should() -> None:
    tests = Path(__file__).with_name("leaverwatch.rules.test.yml")
    done = subprocess.run(["promtool", "test", "rules", str(tests)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
