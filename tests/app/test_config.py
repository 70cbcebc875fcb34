"""Configuration: file, environment and command line, later ones winning; every mistake names its key."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest

from app.config import load
from core.access import Role
from core.errors import ConfigError


def test_everything_has_a_default() -> None:
    config = load(environment={})
    assert (config.company.zone, config.company.country, config.api.host) == ("Asia/Shanghai", "CN", "127.0.0.1")


def test_the_environment_wins_over_the_file_and_the_line_over_both(tmp_path: Path) -> None:
    file = tmp_path / "l.toml"
    file.write_text(
        'data = "from-file"\n[company]\nzone = "Europe/Berlin"\nstarts = 09:30:00\nholidays = [2026-05-04]\n'
        "[api]\nport = 9000\n"
    )
    environment = {
        "LEAVERWATCH_CONFIG": str(file),
        "LEAVERWATCH_API_PORT": "9001",
        "LEAVERWATCH_COMPANY_DOMAINS": "a.example, b.example",
        "LEAVERWATCH_DATA": "from-environment",
        "LEAVERWATCH_TEST_REQUIRE_ALL": "1",
    }
    config = load(environment=environment)
    assert (config.company.zone, config.company.starts) == ("Europe/Berlin", time(9, 30))
    assert config.company.holidays == {date(2026, 5, 4)}
    assert config.company.domains == {"a.example", "b.example"}
    assert (config.api.port, config.data) == (9001, Path("from-environment"))
    assert load(tmp_path, environment=environment).data == tmp_path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[company]\nzone = "Mars/Base"', "company.zone"),
        ("[company]\ncolour = 1", "company.colour"),
        ("[api]\nport = 70000", "api.port"),
        ("api = 3", "api"),
        ('[forward]\nto = "tcp://siem:99999"', "forward.to"),
        ('[forward]\nto = "http://siem:514"', "forward.to"),
        ('[notify]\nallow_networks = ["10.0.0.1/8"]', "notify.allow_networks"),
        ('[actions]\nautomatic = ["everything"]', "actions.automatic"),
        ('[api]\ntoken = "x"', "api.token"),
        ('[access]\naddress = "https://x/path"', "access.address"),
        ('[access.oidc.x]\nissuer = "http://idp.example"\nclient_id = "x"\nclient_secret = "x"\nroles = {}', "issuer"),
        (
            '[access.oidc.x]\nissuer = "https://idp.example"\nclient_id = "x"\nclient_secret = "x"\n'
            'roles = {all = ["service"]}',
            "roles",
        ),
        ('[access]\nsecond_factor = ["service"]', "access.second_factor"),
        ('[access]\nsecond_factor = ["everybody", "admin"]', "access.second_factor"),
        ("[api", "l.toml"),
    ],
)
def test_a_mistake_names_its_key(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "l.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load(file=file, environment={})
    with pytest.raises(ConfigError, match="absent"):
        load(file=tmp_path / "absent", environment={})


def test_a_second_factor_is_demanded_of_some_roles_or_of_everybody() -> None:
    def demanded(text: str) -> set[str]:
        return set(load(environment={"LEAVERWATCH_ACCESS_SECOND_FACTOR": text}).access.second_factor)

    assert demanded("") == set()
    assert demanded("admin, legal") == {"admin", "legal"}
    assert demanded("everybody") == set(Role) - {Role.SERVICE}
