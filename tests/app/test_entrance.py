"""Who comes in first, the key that seals second factors, and users and keys on the command line."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.doors import AccessDoor
from api.server import create_app
from app.cli import main
from app.config import Access, Config
from app.entrance import KEY, entrance, first_admin, sealer_of
from app.wiring import House, open_house
from core.errors import ConfigError
from core.evidence import Deed
from store.records import SqlRecords
from tests.api.people import PASSWORD

Line = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path)


@pytest.fixture
def house(config: Config) -> Iterator[House]:
    with open_house(config) as opened:
        yield opened


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    """Type a line, and what it asks for."""

    def typed(*arguments: object, given: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["leaverwatch", *map(str, arguments), "--data", str(tmp_path)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return typed


def test_the_key_is_made_once_and_is_its_owners_alone(house: House, config: Config) -> None:
    sealed = sealer_of(config, house.records).seal("secret", "totp|li")
    kept = (config.data / KEY).read_text()
    assert sealer_of(config, house.records).open(sealed, "totp|li") == "secret"
    assert (config.data / KEY).read_text() == kept
    assert (config.data / KEY).stat().st_mode & 0o077 == 0
    given = Config(data=config.data, access=Access(key=kept.strip()))
    (config.data / KEY).unlink()
    assert sealer_of(given, house.records).open(sealed, "totp|li") == "secret"


def test_another_key_does_not_take_its_place(house: House, config: Config) -> None:
    sealer_of(config, house.records)
    (config.data / KEY).unlink()
    with pytest.raises(ConfigError, match=r"access\.key"):
        sealer_of(config, house.records)
    (config.data / KEY).touch(0o600)
    for text in ("00" * 32, "nonsense", "00" * 31, "é", ""):
        (config.data / KEY).write_text(text)
        with pytest.raises(ConfigError):
            sealer_of(config, house.records)
    for text in ("no-such-key", "00" * 31, f"{'00' * 32} no-such-key"):
        with pytest.raises(ConfigError, match="64 hexadecimal digits") as told:
            sealer_of(Config(data=config.data, access=Access(key=text)), house.records)
        assert "no-such-key" not in str(told.value)


def test_the_first_admin_is_made_by_the_printed_link_once_and_in_a_day(house: House, config: Config) -> None:
    coming_in = entrance(config, house.records)
    old, token = first_admin(house.records, coming_in.gate), first_admin(house.records, coming_in.gate)
    assert token
    service = create_app(_shop(house, config), AccessDoor(coming_in))

    def made(name: str, link: str | None = token) -> int:
        body = {"token": link, "name": name, "password": PASSWORD}
        return TestClient(service).post("/api/v1/first-admin", json=body).status_code

    assert TestClient(service).get("/api/v1/login/ways").json()["first_admin"] is True
    assert [made("eve", old), made("eve", "made-up")] == [409, 409]
    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(made, ["boss", "eve", "mallory", "trudy"]))
    assert answers == [200, 409, 409, 409]
    assert len(house.records.users()) == 1
    assert first_admin(house.records, coming_in.gate) is None
    assert token not in str(house.records.audited())


def _shop(house: House, config: Config):  # type: ignore[no-untyped-def]
    from api.shop import Shop
    from app.pseudonyms import pseudonyms

    shop = Shop(house.records, house.events, house.book, house.directory, pseudonyms(house.records))
    shop.entrance = entrance(config, house.records)
    return shop


def test_users_are_added_changed_and_shut_out_on_the_command_line(line: Line, tmp_path: Path) -> None:
    assert line("users", "add", "Boss", "--role", "admin") == (0, "boss is admin\n", "")
    code, out, _ = line("users", "add", "li", "--role", "analyst", "--role", "auditor", "--department", "销售部")
    assert (code, out) == (0, "li is analyst, auditor\n")
    code, out, _ = line("users", "password", "li", given=f"{PASSWORD}\n")
    assert (code, out) == (0, "li has another password\n")
    assert line("users", "roles", "li", "--role", "senior_analyst")[0] == 0
    assert line("users", "disable", "li")[1] == "li: senior_analyst (disabled)\n"
    assert line("users", "enable", "li")[1] == "li: senior_analyst\n"
    found = {user["name"]: user for user in json.loads(line("users", "list", "--json")[1])}
    assert found["li"]["departments"] == ["销售部"]
    assert "boss" in line("users", "list")[1]
    with closing(SqlRecords(f"sqlite:///{tmp_path / 'records.db'}", keys=tmp_path / "records.key")) as records:
        entries = records.audited("user:li")
        assert records.credentials("li").password.startswith("$argon2id$")
    assert {entry.deed for entry in entries} == {Deed.CHANGED_ACCESS}
    assert [entry.details["what"] for entry in entries] == [
        "added", "password", "second factor off", "roles", "disabled", "enabled",
    ]  # fmt: skip
    assert PASSWORD not in str(entries)


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (("users", "add", "x y", "--role", "admin"), "", "a name has"),
        (("users", "add", "boss", "--role", "hr"), "", "already"),
        (("users", "add", "eve", "--role", "hr", "--role", "admin"), "", "sees no persons"),
        (("users", "roles", "boss", "--role", "auditor"), "", "last admin"),
        (("users", "disable", "boss"), "", "last admin"),
        (("users", "password", "boss"), "short\n", "12 to 256 characters"),
        (("users", "password", "nobody"), f"{PASSWORD}\n", "no user nobody"),
        (("keys", "add", "boss", "--for", "x", "--may", "alerts:read"), "", "cannot have alerts:read"),
        (("keys", "add", "boss", "--for", "x", "--may", "users:manage"), "", "cannot have users:manage"),
        (("keys", "revoke", "none"), "", "no key none"),
    ],
)
def test_what_may_not_be_is_told_in_a_sentence(line: Line, arguments: tuple[str, ...], given: str, told: str) -> None:
    line("users", "add", "boss", "--role", "admin")
    code, _, err = line(*arguments, given=given)
    assert code == 2
    assert told in err


def test_a_key_is_printed_once_and_listed_without_what_it_opens_with(line: Line) -> None:
    line("users", "add", "prometheus", "--role", "service")
    code, out, _ = line("keys", "add", "prometheus", "--for", "Prometheus", "--may", "metrics:read", "--days", "30")
    text = out.strip()
    assert code == 0
    assert text.startswith("lw_")
    listed = line("keys", "list", "--json")[1]
    (key,) = json.loads(listed)
    assert (key["user"], key["permissions"]) == ("prometheus", ["metrics:read"])
    assert text.split("_", 2)[2] not in listed + line("keys", "list")[1]
    assert line("keys", "revoke", key["id"])[0] == 0
    assert json.loads(line("keys", "list", "--json")[1])[0]["revoked"]
