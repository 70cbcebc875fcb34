"""One's own account, and everybody's for who looks after them."""

from __future__ import annotations

from collections.abc import Sequence

import pyotp
import pytest
from httpx2 import Response

from access.totp import recovery_digest
from core.access import Role
from core.evidence import Deed
from core.happening import Kind
from core.hearing import OF_ACCOUNT
from core.person import Person
from core.users import totp_of
from tests.api.people import NOTED, PASSWORD, House

USERS = "/api/v1/users"


@pytest.fixture(autouse=True)
def li(house: House) -> None:
    house.add("boss", Role.ADMIN)
    house.add("li", Role.ANALYST)


def test_another_password_needs_the_one_that_is_and_ends_all_sessions(house: House) -> None:
    here, there = house.logged_in("li"), house.logged_in("li")
    body = {"current": "wrong password!", "new": "another long one"}
    assert here.put("/api/v1/me/password", json=body).status_code == 409
    assert here.put("/api/v1/me/password", json={"current": PASSWORD, "new": "short"}).status_code == 409
    assert here.put("/api/v1/me/password", json=body | {"current": PASSWORD}).status_code == 204
    assert [client.get("/api/v1/me").status_code for client in (here, there)] == [401, 401]
    body = {"name": "li", "password": "another long one"}
    assert house.client().post("/api/v1/login", json=body).status_code == 200


def test_whoever_has_a_session_does_not_guess_the_password_by_it(house: House) -> None:
    client = house.logged_in("li")
    for _ in range(5):
        client.put("/api/v1/me/password", json={"current": "wrong password!", "new": "another long one"})
    body = {"current": PASSWORD, "new": "another long one"}
    assert client.put("/api/v1/me/password", json=body).status_code == 409


def test_a_second_factor_counts_once_it_is_confirmed_and_ends_other_sessions(house: House) -> None:
    here, there = house.logged_in("li"), house.logged_in("li")
    assert here.post("/api/v1/me/totp", json={"password": "wrong password!"}).status_code == 409
    enrolled = here.post("/api/v1/me/totp", json={"password": PASSWORD}).json()
    assert enrolled["uri"].startswith("otpauth://totp/leaverwatch:li?")
    assert here.get("/api/v1/me").json()["second_factor"] is False
    assert here.post("/api/v1/me/totp/confirm", json={"code": "000000"}).status_code == 409
    code = pyotp.TOTP(enrolled["secret"]).at(house.clock())
    codes = here.post("/api/v1/me/totp/confirm", json={"code": code}).json()["codes"]
    assert here.get("/api/v1/me").json()["second_factor"] is True
    assert there.get("/api/v1/me").status_code == 401
    assert here.post("/api/v1/me/totp", json={"password": PASSWORD}).status_code == 409, "one is in use"
    body = {"name": "li", "password": PASSWORD, "code": codes[3].upper()}
    assert house.client().post("/api/v1/login", json=body).status_code == 200
    assert house.client().post("/api/v1/login", json=body).status_code == 401, "each is good once"
    assert here.post("/api/v1/me/totp/remove", json={"password": PASSWORD}).status_code == 204
    assert house.client().post("/api/v1/login", json=body | {"code": ""}).status_code == 200


def test_one_sees_and_ends_ones_own_sessions_and_nobody_elses(house: House) -> None:
    here, there, boss = house.logged_in("li"), house.logged_in("li"), house.logged_in("boss")
    mine = {one["id"]: one["this"] for one in here.get("/api/v1/me/sessions").json()}
    assert sorted(mine.values()) == [False, True]
    (bosss,) = boss.get("/api/v1/me/sessions").json()
    assert here.delete(f"/api/v1/me/sessions/{bosss['id']}").status_code == 404
    (other,) = (one for one, this in mine.items() if not this)
    assert here.delete(f"/api/v1/me/sessions/{other}").status_code == 204
    assert there.get("/api/v1/me").status_code == 401
    third = house.logged_in("li")
    assert here.delete("/api/v1/me/sessions").status_code == 204
    assert [one.get("/api/v1/me").status_code for one in (here, third, boss)] == [200, 401, 200]


def test_keys_are_shown_once_and_are_ones_own(house: House) -> None:
    client = house.logged_in("li")
    asked = {"purpose": "notebook", "permissions": ["alerts:read"], "days": 7}
    made = client.post("/api/v1/me/keys", json=asked)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    key, text = made.json()["made"]["id"], made.json()["key"]
    assert text not in client.get("/api/v1/me/keys").text
    program = house.client()
    program.headers["Authorization"] = f"Bearer {text}"
    assert program.get("/api/v1/alerts").status_code == 200
    assert program.get("/api/v1/cases").status_code == 403
    assert client.get("/api/v1/me/keys").json()[0]["used"] is not None
    house.add("wang", Role.ANALYST)
    assert house.logged_in("wang").delete(f"/api/v1/me/keys/{key}").status_code == 404
    assert client.delete(f"/api/v1/me/keys/{key}").status_code == 204
    assert program.get("/api/v1/alerts").status_code == 401
    for wrong in ({"permissions": ["audit:read"]}, {"permissions": ["account:own"]}):
        assert client.post("/api/v1/me/keys", json=asked | wrong).status_code == 409
    for wrong in ({"permissions": []}, {"days": 0}, {"days": 367}, {"user": "boss"}, {"permissions": ["everything"]}):
        assert client.post("/api/v1/me/keys", json=asked | wrong).status_code == 422


def test_a_key_loses_what_its_owner_loses(house: House) -> None:
    _, program = house.key("li")
    assert program.get("/api/v1/alerts").status_code == 200
    house.change("li", roles=frozenset({Role.HR}))
    assert program.get("/api/v1/alerts").status_code == 403


def test_an_admin_makes_keys_of_services_alone_and_revokes_anybodys(house: House) -> None:
    admin = house.logged_in("boss")
    asked = {"purpose": "metrics", "permissions": ["metrics:read"], "days": 90}
    assert admin.post("/api/v1/keys", json=asked | {"user": "li"}).status_code == 409
    assert admin.post("/api/v1/keys", json=asked | {"user": "boss"}).status_code == 409
    assert admin.post("/api/v1/keys", json=asked | {"user": "none"}).status_code == 404
    assert admin.post(USERS, json={"name": "prometheus", "roles": ["service"]}).json()["invitation"] is None
    made = admin.post("/api/v1/keys", json=asked | {"user": "prometheus"}).json()
    program = house.client()
    program.headers["Authorization"] = f"Bearer {made['key']}"
    assert program.get("/metrics").status_code == 200
    mine, _ = house.key("li")
    page = admin.get("/api/v1/keys", params={"limit": 1}).json()
    rest = admin.get("/api/v1/keys", params={"limit": 1, "after": page["next"]}).json()
    assert {one["id"] for one in page["items"] + rest["items"]} == {mine, made["made"]["id"]}
    assert rest["next"] is None
    assert [admin.delete(f"/api/v1/keys/{one}").status_code for one in (mine, mine, "none")] == [204, 404, 404]


def test_users_are_made_changed_and_listed_with_nothing_of_anybody_watched(house: House) -> None:
    house.records.save_persons([Person(id="E-7", name="李娜", email="wang@x.cn")], [])
    admin = house.logged_in("boss")
    body = {"name": " Wang ", "roles": ["hr"], "departments": ["销售部"], "email": "wang@x.cn", "language": "zh"}
    user = admin.post(USERS, json=body).json()["user"]
    assert (user["name"], user["departments"], user["second_factor"]) == ("wang", ["销售部"], False)
    assert admin.post(USERS, json=body).status_code == 409
    house.opened("wang")
    assert admin.get(f"{USERS}/wang").json()["known_as_employee"] is True
    changed = admin.patch(f"{USERS}/wang", json={"roles": ["legal"], "countries": ["CN"]}).json()
    assert (changed["roles"], changed["countries"], changed["departments"]) == (["legal"], ["CN"], ["销售部"])
    assert house.records.sessions("wang") == []
    page = admin.get(USERS, params={"limit": 2}).json()
    assert [one["name"] for one in page["items"]] == ["boss", "li"]
    rest = admin.get(USERS, params={"after": page["next"]})
    assert [one["name"] for one in rest.json()["items"]] == ["wang"]
    assert "E-7" not in rest.text
    assert "李娜" not in rest.text
    assert admin.get(f"{USERS}/none").status_code == 404
    assert admin.patch(f"{USERS}/none%00", json={}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Ünï", "roles": ["hr"]},
        {"name": "a" * 65, "roles": ["hr"]},
        {"name": "x\r\ny", "roles": ["hr"]},
        {"name": "x", "roles": []},
        {"name": "x", "roles": ["root"]},
        {"name": "x", "roles": ["hr"], "password": "chosen by the admin"},
        {"name": "x", "roles": ["hr"], "disabled_by": ""},
        {"name": "x", "roles": ["hr"], "person": "7"},
        {"name": "x", "roles": ["hr"], "created": "2020-01-01T00:00:00Z"},
        {"name": "x", "roles": ["hr"], "email": "a@b@c"},
        {"name": "x", "roles": ["hr"], "email": "a@b\r\nBcc: c@d"},
        {"name": "x", "roles": ["hr"], "departments": ["d"] * 1 + [" "]},
    ],
)
def test_what_no_admin_may_say_of_a_user_is_refused(house: House, body: dict[str, object]) -> None:
    assert house.logged_in("boss").post(USERS, json=body).status_code == 422
    assert house.records.user("x") is None


def test_an_admin_does_not_make_themselves_more_and_the_last_one_stays(house: House) -> None:
    admin = house.logged_in("boss")
    for mine in ({"roles": ["analyst"]}, {"roles": ["admin"]}, {"disabled": True}, {"departments": []}):
        assert admin.patch(f"{USERS}/boss", json=mine).status_code == 409
    assert admin.patch(f"{USERS}/boss", json={"language": "zh"}).json()["language"] == "zh"
    assert admin.patch(f"{USERS}/li", json={"roles": ["admin", "analyst"]}).status_code == 409
    assert admin.patch(f"{USERS}/li", json={"roles": ["admin"]}).status_code == 200
    other = house.logged_in("li")
    assert other.patch(f"{USERS}/boss", json={"disabled": True}).json()["disabled_by"] == "li"
    assert admin.get(USERS).status_code == 401
    house.add("eve", Role.ADMIN)
    assert other.patch(f"{USERS}/eve", json={"disabled": True}).status_code == 200
    assert other.patch(f"{USERS}/eve", json={"disabled": False}).json()["disabled_by"] == ""


def test_an_admin_helps_who_lost_their_password_or_their_app(house: House) -> None:
    admin, client = house.logged_in("boss"), house.logged_in("li")
    house.records.set_totp("li", "sealed", ["x"], confirmed=True, noted=NOTED)
    assert admin.delete(f"{USERS}/li/totp").status_code == 204
    assert not house.records.credentials("li").second_factor
    assert client.get("/api/v1/me").status_code == 401
    assert admin.delete(f"{USERS}/boss/totp").status_code == 409
    assert told(house) == [(Kind.ACCOUNT_FACTOR_REMOVED, "boss", ("user:li",))]
    first = admin.post(f"{USERS}/li/invitation").json()["token"]
    second = admin.post(f"{USERS}/li/invitation").json()["token"]
    used = [
        house.client().post("/api/v1/invited", json={"token": one, "password": "another long one"}).status_code
        for one in (first, second)
    ]
    assert used == [409, 200]
    client = house.logged_in("li")
    assert admin.delete(f"{USERS}/li/sessions").status_code == 204
    assert client.get("/api/v1/me").status_code == 401
    house.add("machine", Role.SERVICE, password="")
    assert admin.post(f"{USERS}/machine/invitation").status_code == 409
    assert admin.post(f"{USERS}/boss/invitation").status_code == 409, "one's own takes the password that is"
    admin.patch(f"{USERS}/li", json={"disabled": True})
    assert admin.post(f"{USERS}/li/invitation").status_code == 409, "who is shut out could not be told"


def told(house: House) -> list[tuple[Kind, str, Sequence[str]]]:
    """What users were told of their own accounts."""
    return [(one.kind, one.by, one.to) for one in house.records.happened(-1, 20, OF_ACCOUNT)]


def chosen(house: House, token: str, code: str = "") -> Response:
    """What whoever has a link is answered."""
    body = {"token": token, "password": "another long one", "code": code}
    return house.client().post("/api/v1/invited", json=body)


def second_factor(house: House) -> pyotp.TOTP:
    """One that li has from now on."""
    secret = pyotp.random_base32()
    sealed = house.gate.sealer.seal(secret, totp_of("li"))
    house.records.set_totp("li", sealed, [recovery_digest("spare")], confirmed=True, noted=NOTED)
    return pyotp.TOTP(secret)


def test_a_link_from_an_admin_changes_nothing_until_it_is_used_and_ends_everything_then(house: House) -> None:
    admin, client = house.logged_in("boss"), house.logged_in("li")
    key_id, program = house.key("li")
    token = admin.post(f"{USERS}/li/invitation").json()["token"]
    assert told(house) == [(Kind.ACCOUNT_LINK_MADE, "boss", ("user:li",))]
    assert [one.get("/api/v1/alerts").status_code for one in (client, program)] == [200, 200]
    assert chosen(house, token).json() == {"name": "li"}
    assert [one.get("/api/v1/alerts").status_code for one in (client, program)] == [401, 401]
    assert told(house)[1:] == [(Kind.ACCOUNT_PASSWORD_CHANGED, "li", ("user:li",))]
    made, used = [
        (one.by, one.about, dict(one.details)) for one in house.records.audited("user:li")
        if one.deed is Deed.CHANGED_ACCESS
    ]  # fmt: skip
    assert made == ("boss", ("user:li",), {"what": "link for another password"})
    assert used == ("li", ("user:li",), {"what": "password", "link_made_by": "boss", "keys_revoked": [key_id]})


def test_whoever_was_told_of_a_link_they_did_not_want_makes_it_useless(house: House) -> None:
    token = house.logged_in("boss").post(f"{USERS}/li/invitation").json()["token"]
    body = {"current": PASSWORD, "new": "their own long one"}
    assert house.logged_in("li").put("/api/v1/me/password", json=body).status_code == 204
    assert chosen(house, token).status_code == 409
    login = {"name": "li", "password": "their own long one"}
    assert house.client().post("/api/v1/login", json=login).status_code == 200


def test_an_admin_alone_does_not_come_in_where_there_is_a_second_factor(house: House) -> None:
    app = second_factor(house)
    admin, client = house.logged_in("boss"), house.logged_in("li")
    token = admin.post(f"{USERS}/li/invitation").json()["token"]
    for code in ("", "000000", "wrong"):
        assert "second factor" in chosen(house, token, code).json()["detail"]
    assert client.get("/api/v1/me").status_code == 200, "it was not used"
    assert house.records.credentials("li").second_factor
    right = app.at(house.clock())
    assert chosen(house, token, right).json() == {"name": "li"}
    login = {"name": "li", "password": "another long one"}
    for code, status in (("", 401), (right, 401), ("spare", 200)):
        assert house.client().post("/api/v1/login", json=login | {"code": code}).status_code == status


def test_codes_are_not_guessed_by_a_link(house: House) -> None:
    app = second_factor(house)
    token = house.logged_in("boss").post(f"{USERS}/li/invitation").json()["token"]
    wrong = [chosen(house, token, "000000") for _ in range(5)]
    locked = chosen(house, token, app.at(house.clock()))
    assert {(one.status_code, one.json()["detail"]) for one in wrong} == {
        (locked.status_code, locked.json()["detail"])
    }, "whoever is locked does not learn that the code was right"
    failed = [one.details for one in house.records.audited("user:li") if one.deed is Deed.LOGIN_FAILED]
    assert [one["way"] for one in failed] == ["link"] * 5
    house.clock.on(minutes=2)
    assert chosen(house, token, app.at(house.clock())).status_code == 200


def test_a_link_that_does_not_work_tells_nothing_of_users(house: House) -> None:
    second_factor(house)
    admin = house.logged_in("boss")
    admin.post(f"{USERS}/li/invitation")
    gone = admin.post(f"{USERS}/li/invitation").json()["token"]
    house.clock.on(hours=25)
    answers = [chosen(house, token).json() for token in ("never was", gone)]
    assert answers[0]["detail"] == answers[1]["detail"]
    assert "second factor" not in answers[0]["detail"]


def test_what_an_admin_changes_is_in_the_audit_log_under_their_name(house: House) -> None:
    admin = house.logged_in("boss")
    admin.post(USERS, json={"name": "wang", "roles": ["hr"]})
    admin.patch(f"{USERS}/wang", json={"roles": ["senior_analyst"]})
    told = [(one.by, one.deed, one.details["what"]) for one in house.records.audited("user:wang")]
    assert told == [("boss", Deed.CHANGED_ACCESS, what) for what in ("added", "invited", "changed")]
    assert house.records.audited("user:wang")[-1].details["roles"] == ["senior_analyst"]
