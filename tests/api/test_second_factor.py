"""Whose role needs a second factor does nothing before they have one, however they come."""

from __future__ import annotations

import pyotp
import pytest
from fastapi.testclient import TestClient

from app.staff import Staff
from core.access import Role
from core.users import User
from tests.api.people import NOTED, PASSWORD, House

MISSING = (403, "second-factor-missing")
ME = "/api/v1/me"


@pytest.fixture(autouse=True)
def people(house: House) -> None:
    house.add("boss", Role.ADMIN)
    house.add("li", Role.ANALYST)
    house.add("wang", Role.AUDITOR)
    house.demands(Role.ANALYST, Role.ADMIN)


def answered(client: TestClient, path: str, method: str = "GET") -> tuple[int, str]:
    answer = client.request(method, f"/api/v1/{path}")
    kind = answer.headers.get("content-type", "")
    return answer.status_code, answer.json()["code"] if kind == "application/problem+json" else ""


def arrived(house: House, name: str, code: str = "") -> TestClient:
    """A browser that came through the front door."""
    client = house.client()
    answer = client.post("/api/v1/login", json={"name": name, "password": PASSWORD, "code": code})
    assert answer.status_code == 200
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client


def begun(client: TestClient) -> str:
    """Begin with a second factor; its secret."""
    return str(client.post(f"{ME}/totp", json={"password": PASSWORD}).json()["secret"])


def set_up(house: House, client: TestClient) -> list[str]:
    """Its recovery codes."""
    code = pyotp.TOTP(begun(client)).at(house.clock())
    return list(client.post(f"{ME}/totp/confirm", json={"code": code}).json()["codes"])


def test_it_is_set_up_after_a_login_by_password_and_then_everything_is_answered(house: House) -> None:
    client = arrived(house, "li")
    assert client.get(ME).json()["permissions"] == ["account:own"]
    refused = client.get("/api/v1/alerts")
    assert (refused.status_code, refused.json()["code"]) == MISSING
    assert refused.headers["content-type"] == "application/problem+json"
    assert "/api/v1/me/totp" in refused.json()["detail"]
    codes = set_up(house, client)
    assert answered(client, "alerts") == (200, "")
    assert "alerts:read" in client.get(ME).json()["permissions"]
    assert answered(arrived(house, "li", codes[0]), "alerts") == (200, "")
    assert house.client().post("/api/v1/login", json={"name": "li", "password": PASSWORD}).status_code == 401


def test_one_that_was_begun_and_not_confirmed_is_none(house: House) -> None:
    client = arrived(house, "li")
    begun(client)
    for path in ("alerts", "me/keys", "me/sessions", "deadlines"):
        assert answered(client, path) == MISSING
    body = {"current": PASSWORD, "new": "another long one"}
    assert client.put(f"{ME}/password", json=body).json()["code"] == "second-factor-missing"
    assert answered(client, "logout", "POST") == (204, "")
    assert answered(client, "me") == (401, "unknown-caller")


def test_who_has_none_of_the_roles_goes_on_without(house: House) -> None:
    client = arrived(house, "wang")
    assert answered(client, "audit")[0] == 200
    set_up(house, client)
    assert client.post(f"{ME}/totp/remove", json={"password": PASSWORD}).status_code == 204


def test_a_key_opens_nothing_until_its_owner_has_one(house: House) -> None:
    _, program = house.key("li")
    assert answered(program, "alerts") == MISSING
    assert answered(program, "me") == (403, "forbidden"), "a key has no account"
    set_up(house, house.logged_in("li"))
    assert answered(program, "alerts") == (200, "")
    house.add("machine", Role.SERVICE, password="")
    assert answered(house.key("machine")[1], "alerts") == (200, "")


def test_nobody_who_needs_one_takes_their_own_away(house: House) -> None:
    client = house.logged_in("li")
    set_up(house, client)
    refused = client.post(f"{ME}/totp/remove", json={"password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (409, "refused")
    assert house.records.credentials("li").second_factor
    boss = house.logged_in("boss")
    assert answered(boss, "users/li/totp", "DELETE") == MISSING
    set_up(house, boss)
    assert answered(boss, "users/li/totp", "DELETE")[0] == 204
    assert answered(arrived(house, "li"), "alerts") == MISSING, "they set up another"


def test_a_session_that_lasts_is_held_back_once_the_setting_says_so(house: House) -> None:
    before = house.logged_in("wang")
    assert answered(before, "audit")[0] == 200
    house.demands(Role.AUDITOR)
    after = house.client()
    after.cookies.update(before.cookies)
    assert answered(after, "audit") == MISSING


def test_who_comes_from_a_provider_proves_it_there(house: House) -> None:
    user = User(name="zhao", roles=frozenset({Role.ANALYST}), created=house.clock(), issuer="https://idp", subject="7")
    house.records.add_user(user, NOTED)
    assert answered(house.logged_in("zhao"), "alerts") == (200, "")


def test_an_answer_that_was_kept_is_not_given_again_before(house: House) -> None:
    house.demands()
    client = house.logged_in("li")
    once = {"Idempotency-Key": "5f0c2f7e-2c0e-4a3e-9d43-6a2f3e5b8c11"}
    body = {"name": "mine", "filter": {}, "columns": []}
    assert client.post("/api/v1/worklist/views", json=body, headers=once).status_code == 201
    house.demands(Role.ANALYST)
    again = house.logged_in("li").post("/api/v1/worklist/views", json=body, headers=once)
    assert (again.status_code, again.json()["code"]) == MISSING


def test_a_calendar_by_its_secret_address_is_not_shown_before(house: House) -> None:
    class Desk:
        staff, base_url = Staff(house.records), ""

        def deadlines(self, caller: object) -> list[object]:
            return []

    house.shop.notify = Desk()  # type: ignore[assignment]
    client = house.logged_in("li")
    set_up(house, client)
    address = client.post("/api/v1/deadlines/address").json()["url"].removeprefix("/api/v1/")
    assert answered(house.client(), address)[0] == 200
    assert answered(house.logged_in("boss"), "deadlines.ics") == MISSING
    house.records.set_totp("li", "", [], confirmed=False, noted=NOTED)
    assert answered(house.client(), address) == MISSING
