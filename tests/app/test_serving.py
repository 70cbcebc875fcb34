"""How the service is set up by the configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.config import Api, load
from app.serving import settings_of


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize(
    ("api", "hosts"),
    [
        (Api(), {"127.0.0.1", "localhost", "[::1]"}),
        (Api(host="fd00::7"), {"127.0.0.1", "localhost", "[::1]", "[fd00::7]"}),
        (Api(host="0.0.0.0"), set()),
        (Api(host="0.0.0.0", hosts=frozenset({"Leaverwatch.example"})), {"leaverwatch.example"}),
    ],
)
def test_the_service_answers_to_its_own_names(api: Api, hosts: set[str]) -> None:
    assert settings_of(api).hosts == hosts


def test_limits_and_names_come_from_the_environment_too(tmp_path: Path) -> None:
    environment = {"LEAVERWATCH_API_HOSTS": "a.example, b.example", "LEAVERWATCH_API_CALLER_PER_MINUTE": "7"}
    settings = settings_of(load(tmp_path, None, environment).api)
    assert settings.hosts == {"a.example", "b.example"}
    assert (settings.caller_per_minute, settings.address_per_minute) == (7, 6_000)


def test_the_log_is_a_line_of_json_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    settings_of(Api()).log({"caller": "li\nna", "operation": "list_alerts", "status": 200})
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["caller"], said["operation"]) == ("request", "li\nna", "list_alerts")
