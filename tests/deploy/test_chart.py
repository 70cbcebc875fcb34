"""The Helm chart: values that its schema allows, commands that there are; rendered where helm is at hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from app.config import Config
from store.kafka.connection import EVENTS, GROUP
from tests.deploy.contract import DEPLOY, PARTS, configured, runs

CHART = DEPLOY / "helm/leaverwatch"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
TEMPLATES = {file.name: file.read_text(encoding="utf-8") for file in (CHART / "templates").iterdir()}
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def _mistakes(value: Any, schema: Mapping[str, Any], where: str = "values") -> Iterator[str]:
    """What the few words of JSON Schema that ours uses have against a value."""
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        yield f"{where} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is none of {schema['enum']}"
    if isinstance(value, int) and value < schema.get("minimum", value):
        yield f"{where} is too small"
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _mistakes(item, schema.get("items", {}), f"{where}[{number}]")
    if isinstance(value, dict):
        yield from (f"{where} lacks {name}" for name in schema.get("required", ()) if name not in value)
        for name, inner in value.items():
            rest = schema.get("additionalProperties", {})
            known = schema.get("properties", {}).get(name, rest)
            if known is False:
                yield f"{where} may not have {name}"
            else:
                yield from _mistakes(inner, known, f"{where}.{name}")


def test_the_values_are_as_their_schema_wants_them() -> None:
    assert not list(_mistakes(VALUES, SCHEMA))
    assert list(_mistakes(VALUES | {"judge": {"replicas": -1}, "jugde": {}}, SCHEMA)) == [
        "values.judge lacks resources",
        "values.judge.replicas is too small",
        "values may not have jugde",
    ]


def test_the_configuration_is_one() -> None:
    assert Config.model_validate(tomllib.loads(VALUES["config"])).cluster.kafka_user == "leaverwatch"


def test_variables_are_keys_of_the_configuration() -> None:
    names = set(re.findall(r'"((?:CLUSTER|ACCESS)_\w+)" "', TEMPLATES["stateless.yaml"] + TEMPLATES["collect.yaml"]))
    assert len(names) == 4
    configured({f"LEAVERWATCH_{name}": "x" for name in names})


def test_judge_and_api_open_the_same_secrets() -> None:
    for part in ("judge", "api"):
        (line,) = (line for line in TEMPLATES["stateless.yaml"].splitlines() if f'"{part}" (merge' in line)
        assert '"ACCESS_KEY" "access-key"' in line


def test_no_pod_gets_the_variables_of_services() -> None:
    """A service called leaverwatch-api would set LEAVERWATCH_API_PORT to an address."""
    assert "enableServiceLinks: false" in TEMPLATES["_helpers.tpl"]


def test_workers_are_scaled_on_their_own_lag() -> None:
    assert f"consumerGroup: {GROUP}" in TEMPLATES["scaling.yaml"]
    assert f"topic: {EVENTS}" in TEMPLATES["scaling.yaml"]


@pytest.mark.skipif(shutil.which("helm") is None, reason="no helm here")
@pytest.mark.parametrize("kind", ["lag", "cpu", "none"])
def test_rendered_pods_start_what_there_is_and_may_do_little(kind: str) -> None:
    line = ["helm", "template", "it", str(CHART), "--kube-version", "1.31.0", "--set", f"worker.scaling.kind={kind}"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    pods = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"]["template"]["spec"]
        for one in yaml.safe_load_all(done.stdout)
        if one and one["kind"] in ("Deployment", "StatefulSet")
    }
    assert set(pods) == set(PARTS)
    for pod in pods.values():
        (container,) = pod["containers"]
        runs(container["args"])
        configured({variable["name"]: "x" for variable in container["env"]})
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
