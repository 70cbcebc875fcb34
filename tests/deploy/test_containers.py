"""Image and compose file: parts start as the command line takes them, as nobody in particular, with what they need."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import requires
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import SecretStr

from store.kafka.connection import Address
from tests.deploy.contract import DEPLOY, PARTS, TOP, configured, runs

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS = DEPLOY / "leaverwatch.toml"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("part", PARTS)
def test_each_part_starts_with_arguments_and_settings_that_there_are(part: str) -> None:
    runs(SERVICES[part]["command"])
    config = configured(SERVICES[part]["environment"], SETTINGS)
    assert bool(config.cluster.postgresql.get_secret_value()) == (part != "collect")
    assert bool(config.cluster.kafka_password.get_secret_value()) == (part != "api")


def test_the_file_of_settings_holds_no_secret() -> None:
    cluster = configured(file=SETTINGS).cluster
    secrets = (getattr(cluster, name) for name in type(cluster).model_fields)
    assert not any(value.get_secret_value() for value in secrets if isinstance(value, SecretStr))


def test_the_api_cannot_change_events() -> None:
    for part in ("worker", "judge", "api"):
        assert f"//leaverwatch_{part}:" in SERVICES[part]["environment"]["LEAVERWATCH_CLUSTER_ELASTICSEARCH"]
    (indices,) = json.loads((DEPLOY / "elasticsearch/leaverwatch_api.json").read_text())["indices"]
    assert set(indices["privileges"]) == {"read", "view_index_metadata"}


def test_judge_and_api_open_the_same_secrets() -> None:
    for part in ("judge", "api"):
        assert SERVICES[part]["environment"]["LEAVERWATCH_ACCESS_KEY"] == "${ACCESS_KEY:?}"


def test_what_sends_messages_reaches_whom_it_tells() -> None:
    assert "published" in SERVICES["judge"]["networks"]


def test_every_container_is_pinned_bounded_and_may_do_little() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].rpartition(":")[2]
        assert re.match(r"\d+\.\d+", tag), f"{name} is not pinned to a version"
        assert service["mem_limit"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
    for part in PARTS:
        assert SERVICES[part]["read_only"]
        assert SERVICES[part]["healthcheck"]["test"]


def test_only_loopback_is_published() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8765:8765"], "kibana": ["127.0.0.1:5601:5601"]}
    assert COMPOSE["networks"]["inside"]["internal"]


def test_what_a_service_waits_for_and_mounts_is_there() -> None:
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
        for mount in service.get("volumes", []):
            source = re.match(r"[^:]+", mount.replace("${LOGS:?}", "/logs"))
            assert source
            path = source.group()
            assert path.startswith("/") or path in COMPOSE["volumes"] or (DEPLOY / path).exists()
        if "entrypoint" in service:
            assert (DEPLOY / service["entrypoint"][0].removeprefix("/")).stat().st_mode & 0o111


def test_every_secret_is_asked_for_by_name_in_the_example() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    example = (DEPLOY / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+)=", example, re.MULTILINE)) == wanted
    assert re.findall(r"^\w+=.+", example, re.MULTILINE) == ["LOGS=/srv/logs"]


def test_the_broker_takes_who_signs_in_as_we_do() -> None:
    broker = (DEPLOY / "compose/kafka.properties").read_text()
    cluster = configured(file=SETTINGS).cluster
    ours = Address(brokers=cluster.kafka, user=cluster.kafka_user).settings()
    assert f"CLIENTS:{ours['security_protocol']}," in broker
    assert f"sasl.enabled.mechanisms={ours['sasl_mechanism']}\n" in broker
    assert f"advertised.listeners=CLIENTS://{cluster.kafka}," in broker
    assert f"name={cluster.kafka_user}," in (DEPLOY / "compose/kafka.sh").read_text()


def test_the_image_is_built_in_one_stage_and_runs_in_another_as_nobody_in_particular() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", DOCKERFILE, re.MULTILINE)
    assert [name for _, name in stages] == ["build", ""]
    assert all(re.search(r":\d+\.\d+\.\d+-", image) for image, _ in stages)
    last = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "pip" not in last
    assert 'ENTRYPOINT ["leaverwatch"]' in last
    variables = dict(re.findall(r"(LEAVERWATCH_\w+)=(\S+)", last))
    assert configured(variables).api.host == "0.0.0.0"


def test_packages_are_checked_by_hash_and_only_sources_go_into_the_image() -> None:
    assert "--require-hashes" in DOCKERFILE
    ignored = (TOP / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    for kept in (line[1:] for line in ignored if line.startswith("!")):
        assert (TOP / kept).exists()
    packages = re.search(r"packages = \[(.*)\]", (TOP / "pyproject.toml").read_text())
    assert packages
    assert set(re.findall(r'"(\w+)"', packages.group(1))) <= {line[1:] for line in ignored}


def test_the_lock_has_every_package_that_the_image_installs() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = set(re.findall(r"^([\w.-]+)==", (TOP / "requirements.lock").read_text(), re.MULTILINE))
    waiting = [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["cluster"]]]
    seen: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        assert canonicalize_name(wanted.name) in locked, str(wanted)
        if str(wanted) not in seen:
            seen.add(str(wanted))
            needed = map(Requirement, requires(wanted.name) or ())
            extras = ["", *wanted.extras]
            waiting += [
                one for one in needed if not one.marker or any(one.marker.evaluate({"extra": name}) for name in extras)
            ]
