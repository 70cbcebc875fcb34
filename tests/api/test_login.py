"""Logging in and out: the same answer whatever is wrong, cookies that stay where they belong, locks, links that work
once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import event

from access.noting import changed
from access.passwords import Hasher
from access.tokens import digest_of
from core.access import Role
from core.evidence import Deed
from core.happening import Kind
from core.person import Person
from core.users import Invitation
from tests.api.people import PASSWORD, House

LOGIN = "/api/v1/login"


@pytest.fixture(autouse=True)
def li(house: House) -> None:
    house.add("boss", Role.ADMIN)
    house.add("li", Role.ANALYST)


def login(client: TestClient, name: str = "li", password: str = PASSWORD, code: str = "") -> Response:
    return client.post(LOGIN, json={"name": name, "password": password, "code": code})


def secret_of(house: House, name: str = "li") -> str:
    """Have a user use a second factor."""
    client = house.logged_in(name)
    secret = client.post("/api/v1/me/totp", json={"password": PASSWORD}).json()["secret"]
    code = pyotp.TOTP(secret).at(house.clock())
    assert client.post("/api/v1/me/totp/confirm", json={"code": code}).status_code == 200
    house.clock.on(minutes=2)
    return str(secret)


def test_whoever_logs_in_is_known_by_name_until_they_log_out(house: House) -> None:
    client = house.client()
    answer = login(client, " Li ")
    assert answer.json()["name"] == "li"
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/api/v1/me").json()["csrf_token"] == answer.json()["csrf_token"]
    kept = client.cookies[house.entrance.cookie]
    out = client.post("/api/v1/logout", headers={"X-CSRF-Token": answer.json()["csrf_token"]})
    assert out.status_code == 204
    assert house.entrance.cookie not in client.cookies
    client.cookies.set(house.entrance.cookie, kept)
    assert client.get("/api/v1/me").status_code == 401
    deeds = [entry.deed for entry in house.records.audited("user:li")]
    assert deeds[-2:] == [Deed.LOGGED_IN, Deed.LOGGED_OUT]


@pytest.mark.parametrize(
    ("name", "password", "code"),
    [
        ("li", "wrong password!", ""),
        ("nobody", PASSWORD, ""),
        ("nobody", "nobody has this password", ""),
        ("gone", PASSWORD, ""),
        ("no-password", "", ""),
        ("no-password", "x", ""),
        ("with-code", PASSWORD, ""),
        ("with-code", PASSWORD, "000000"),
        ("with-code", PASSWORD, "abcd-abcd-abcd-abcd"),
        ("locked", PASSWORD, ""),
        ("Robert'); drop table users;--", PASSWORD, ""),
        ("li\r\nSet-Cookie: a=b", PASSWORD, ""),
        ("李娜", PASSWORD, ""),
    ],
)
def test_whatever_is_wrong_the_answer_and_the_work_are_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch, name: str, password: str, code: str
) -> None:
    house.add("gone", Role.HR)
    house.change("gone", disabled_by="boss")
    house.add("no-password", Role.SERVICE, password="")
    house.add("with-code", Role.HR)
    secret_of(house, "with-code")
    house.add("locked", Role.HR)
    for _ in range(5):
        login(house.client(), "locked", "wrong password!")
    expected = login(house.client(), "li", "wrong password?")
    hashed: list[str] = []
    verify = Hasher.verify

    def counted(self: Hasher, kept: str, given: str) -> bool:
        hashed.append(given)
        return verify(self, kept, given)

    monkeypatch.setattr(Hasher, "verify", counted)
    answer = login(house.client(), name, password or "x", code)
    assert (answer.status_code, answer.json()) == (401, expected.json())
    told = [
        {name: value for name, value in one.headers.items() if name != "x-request-id"} for one in (answer, expected)
    ]
    assert told[0] == told[1]
    assert len(hashed) == 1


def test_verifying_for_nobody_computes_a_hash_as_for_somebody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []
    real = house.hasher._argon2.verify

    def verify(hash: str, password: str) -> bool:
        computed.append(hash)
        return real(hash, password)

    monkeypatch.setattr(house.hasher, "_argon2", type("Counting", (), {"verify": staticmethod(verify)})())
    login(house.client(), "nobody")
    login(house.client(), "li", "wrong password!")
    nobodys, lis = computed
    assert nobodys.rsplit("$", 2)[0] == lis.rsplit("$", 2)[0], "the same kind of hash, as much work"


def test_as_much_is_read_and_written_for_nobody_as_for_somebody(house: House) -> None:
    asked: list[str] = []
    event.listen(house.shop.records.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def statements(name: str) -> list[str]:
        asked.clear()
        login(house.client(), name, "wrong password!")
        return [one for one in asked if "audit_subjects" not in one]

    assert statements("nobody") == statements("li")
    assert statements("no such name!") != []


def test_a_user_is_locked_for_longer_and_longer_and_the_right_password_does_not_help(house: House) -> None:
    for _ in range(5):
        assert login(house.client(), password="wrong password!").status_code == 401
    assert login(house.client()).status_code == 401
    (told,) = house.records.happened(-1, 10, [Kind.USER_LOCKED])
    assert told.subject == "li"
    deeds = [entry.deed for entry in house.records.audited("user:li")]
    assert deeds == [Deed.LOGIN_FAILED] * 5 + [Deed.LOCKED_OUT]
    house.clock.on(minutes=1)
    assert login(house.client(), password="wrong password!").status_code == 401
    house.clock.on(minutes=1)
    assert login(house.client()).status_code == 401, "twice as long"
    house.clock.on(minutes=1)
    assert login(house.client()).status_code == 200
    for _ in range(4):
        assert login(house.client(), password="wrong password!").status_code == 401
    assert login(house.client()).status_code == 200, "who got in begins anew"


def test_guesses_at_once_are_all_counted(house: House) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: login(house.client(), password="wrong password!"), range(6)))
    assert login(house.client()).status_code == 401


def test_an_address_that_tries_many_names_is_locked_and_strangers_fill_no_log(house: House) -> None:
    for number in range(60):
        login(house.client(), f"nobody{number}")
    assert login(house.client()).status_code == 401
    failed = [entry for entry in house.records.audited() if entry.deed is Deed.LOGIN_FAILED]
    assert len(failed) == 50
    assert all(not entry.about and "nobody1" not in str(entry) for entry in failed), "it may be a password"


def test_cookies_stay_where_they_belong(house: House) -> None:
    plain = login(house.client()).headers["set-cookie"]
    assert plain.startswith("leaverwatch=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(plain.split("; "))
    safe = House(house.shop, https=True)
    sent = login(safe.client()).headers["set-cookie"]
    assert sent.startswith("__Host-leaverwatch=")
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Secure"} <= set(sent.split("; "))
    assert not any(part.lower().startswith("domain") for part in sent.split("; "))
    value = sent.split("; ")[0].partition("=")[2]
    assert len(value) == 43
    assert house.records.session(digest_of(value))
    assert house.records.session(value) is None, "only its digest is kept"


def test_a_cookie_that_somebody_else_chose_becomes_no_session(house: House) -> None:
    client = house.client()
    client.cookies.set(house.entrance.cookie, "chosen-by-somebody")
    assert login(client).cookies[house.entrance.cookie] != "chosen-by-somebody"
    assert house.records.session(digest_of("chosen-by-somebody")) is None


def test_logging_in_again_ends_the_session_that_was(house: House) -> None:
    client = house.client()
    login(client)
    before = client.cookies[house.entrance.cookie]
    login(client)
    assert client.cookies[house.entrance.cookie] != before
    assert len(house.records.sessions("li")) == 1


def test_another_site_logs_nobody_in(house: House) -> None:
    body = {"name": "li", "password": PASSWORD}
    answer = house.client().post(LOGIN, json=body, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.json()["code"]) == (403, "cross-site")
    form = house.client().post(LOGIN, data=body)
    assert form.status_code == 422


def test_what_does_not_belong_into_a_request_is_refused(house: House) -> None:
    for more in ({"roles": ["admin"]}, {"code": "x" * 41}, {"password": "x" * 1_001}, {"name": ""}, {"password": ""}):
        assert house.client().post(LOGIN, json={"name": "li", "password": PASSWORD} | more).status_code == 422
    for raw in (b'{"name": "li", "password": "\\ud800 lone half"}', b"[]", b"{", b"\xff"):
        answer = house.client().post(LOGIN, content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 401, 422)
        assert PASSWORD not in answer.text


def test_a_code_is_asked_for_and_is_good_once(house: House) -> None:
    secret = secret_of(house)
    code = pyotp.TOTP(secret).at(house.clock())
    assert login(house.client(), password="wrong password!", code=code).status_code == 401
    assert login(house.client(), code=code).status_code == 200, "a wrong password uses up no code"
    assert login(house.client(), code=code).status_code == 401
    house.clock.on(seconds=30)
    assert login(house.client(), code=pyotp.TOTP(secret).at(house.clock())).status_code == 200


def test_who_is_logged_in_is_known_as_the_employee_with_their_address(house: House) -> None:
    house.records.save_persons([Person(id="7", email="Li.Na@example.com")], [])
    house.change("li", email="li.na@example.com")
    assert login(house.client()).status_code == 200
    known = house.records.user("li")
    assert known
    assert known.person == "7"


def test_ways_to_log_in_are_told_to_everybody(house: House) -> None:
    told = house.client().get("/api/v1/login/ways").json()
    assert told == {"password": True, "providers": [], "first_admin": False}
    assert house.client().get("/api/v1/login/oidc/none").status_code == 404
    assert house.client().get("/api/v1/login/oidc/none/callback").status_code == 404


def test_an_invitation_is_for_choosing_a_password_once(house: House) -> None:
    admin = house.logged_in("boss")
    made = admin.post("/api/v1/users", json={"name": "wang", "roles": ["hr"]})
    token = made.json()["invitation"]["token"]
    assert made.headers["cache-control"] == "no-store"
    client = house.client()
    assert client.post("/api/v1/invited", json={"token": token, "password": "short"}).status_code == 409
    assert client.post("/api/v1/invited", json={"token": "x", "password": "another long one"}).status_code == 409
    assert client.post("/api/v1/invited", json={"token": token, "password": "wang has a long one"}).status_code == 409
    done = client.post("/api/v1/invited", json={"token": token, "password": "another long one"})
    assert done.json() == {"name": "wang"}
    assert client.post("/api/v1/invited", json={"token": token, "password": "yet another one"}).status_code == 409
    assert login(client, "wang", "another long one").status_code == 200


def test_a_first_admin_is_made_only_while_there_is_nobody(house: House) -> None:
    invitation = Invitation(digest=digest_of("link"), user="", expires=house.clock() + timedelta(hours=24))
    house.records.invite(invitation, changed("leaverwatch", "", house.clock(), "first admin invited"))
    body = {"token": "link", "name": "eve", "password": PASSWORD}
    answer = house.client().post("/api/v1/first-admin", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    assert house.records.user("eve") is None
