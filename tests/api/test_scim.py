"""The directory over SCIM 2.0, as Entra ID and Okta speak it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.scim.errors import ScimProblem
from api.scim.paths import Path as Where
from api.scim.paths import comparison, path_of
from api.scim.resource import ENTERPRISE, PATCH, USER
from api.shop import Shop
from core.access import Role, Scope
from core.evidence import Deed
from core.person import Link, Person
from tests.api import hrshop
from tests.api.hrshop import BOSS, KURT, LI

Clients = Callable[..., TestClient]
ANN = {
    "schemas": [USER, ENTERPRISE],
    "userName": "ann@example.com",
    "externalId": "0001-entra",
    "displayName": "Ann Smith",
    "title": "Rep",
    "emails": [
        {"value": "Ann@example.com", "type": "work", "primary": True},
        {"value": "ann@home.org", "type": "home"},
    ],
    "addresses": [{"country": "DE", "type": "work"}],
    ENTERPRISE: {"employeeNumber": "20", "department": "Sales"},
    "phoneNumbers": [{"value": "123"}],
}


@pytest.fixture
def shop(shop: Shop, tmp_path: Path) -> Shop:
    return hrshop.with_hr(shop, tmp_path)


@pytest.fixture
def idp(client_of: Clients) -> TestClient:
    client = client_of(Role.SERVICE, "entra")
    client.headers["Content-Type"] = "application/scim+json"
    return client


def made(idp: TestClient, **changed: Any) -> dict[str, Any]:
    answer = idp.post("/scim/v2/Users", json=ANN | changed)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def patch(idp: TestClient, user: str, *operations: dict[str, Any]) -> Any:
    return idp.patch(f"/scim/v2/Users/{user}", json={"schemas": [PATCH], "Operations": list(operations)})


def found(idp: TestClient, text: str) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = idp.get("/scim/v2/Users", params={"filter": text}).json()["Resources"]
    return resources


def test_a_user_that_is_created_is_a_person_with_accounts(shop: Shop, idp: TestClient) -> None:
    user = made(idp)
    (person,) = (one for one in shop.records.persons() if one.name == "Ann Smith")
    assert (person.id, person.email, person.department, person.title, person.country) == (
        "20",
        "ann@example.com",
        "Sales",
        "Rep",
        "DE",
    )
    links = {link.account for link in shop.records.links() if link.person == "20"}
    assert links == {"mail:ann@example.com", "employee:20"}, "an address at home is nobody's business"
    answer = idp.get(f"/scim/v2/Users/{user['id']}")
    assert (answer.json(), answer.headers["Content-Type"]) == (user, "application/scim+json")
    assert (user["userName"], user["externalId"], user["active"]) == ("ann@example.com", "0001-entra", True)
    assert user[ENTERPRISE] == {"employeeNumber": "20", "department": "Sales"}
    assert "phoneNumbers" not in user
    (entry,) = (one for one in shop.records.audited("20") if one.deed is Deed.ENTERED)
    assert entry.by == "entra"


def test_users_are_found_by_user_name_and_external_id(idp: TestClient) -> None:
    user = made(idp)
    assert found(idp, 'userName eq "ANN@example.com"') == [user]
    assert found(idp, 'externalId EQ "0001-entra"') == [user]
    assert found(idp, 'userName eq "nobody"') == []
    for wrong in (
        "userName",
        'userName co "a"',
        'title eq "Rep"',
        'userName eq "a" or true',
        "userName eq 7",
        "x" * 501,
    ):
        answer = idp.get("/scim/v2/Users", params={"filter": wrong})
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/scim+json")
    assert idp.get("/scim/v2/Users", params={"filter": "userName"}).json()["scimType"] == "invalidFilter"


def test_whoever_another_list_brought_is_a_user_too_and_a_page_at_a_time(shop: Shop, idp: TestClient) -> None:
    everybody = idp.get("/scim/v2/Users").json()
    assert (everybody["totalResults"], everybody["itemsPerPage"], everybody["startIndex"]) == (4, 4, 1)
    third = idp.get("/scim/v2/Users", params={"startIndex": 3, "count": 1}).json()
    assert third["Resources"] == everybody["Resources"][2:3]
    assert idp.get("/scim/v2/Users", params={"count": 0}).json()["Resources"] == []
    (li,) = found(idp, 'userName eq "li.na@example.com"')
    (boss,) = found(idp, 'userName eq "boss@example.com"')
    assert (li[ENTERPRISE]["employeeNumber"], li[ENTERPRISE]["manager"]) == (LI, {"value": boss["id"]})
    assert shop.pseudonyms(LI) not in json.dumps(everybody), "a name beside a pseudonym would unmask everybody"


def test_what_another_list_gave_stays_when_a_user_is_changed(shop: Shop, idp: TestClient) -> None:
    before = {link for link in shop.records.links() if link.person == LI}
    (li,) = found(idp, 'userName eq "li.na@example.com"')
    changed = patch(idp, li["id"], {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Marketing"})
    assert changed.json()[ENTERPRISE]["department"] == "Marketing"
    assert {link for link in shop.records.links() if link.person == LI} == before
    assert shop.directory().person(LI).name == "李娜"


def test_what_scim_has_no_word_for_is_not_lost_by_a_change(shop: Shop, idp: TestClient) -> None:
    nameless = Person(id="30", manager_email="head@elsewhere.example", hired=date(2020, 1, 1))
    shop.records.save_persons([nameless], [Link(account="login:thirty", person="30")])
    (user,) = found(idp, 'userName eq "30"')
    assert patch(idp, user["id"], {"op": "add", "path": "title", "value": "Rep"}).status_code == 200
    assert shop.directory().person("30") == replace(nameless, title="Rep")
    assert {link.account for link in shop.records.links() if link.person == "30"} == {"login:thirty"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active", "value": False},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "value": {"active": False}},
        {"op": "REPLACE", "value": {"Active": "false"}},
    ],
)
def test_who_is_no_longer_active_loses_accounts_from_now_on_and_keeps_the_past(
    shop: Shop, idp: TestClient, operation: dict[str, Any]
) -> None:
    (li,) = found(idp, 'userName eq "li.na@example.com"')
    assert patch(idp, li["id"], operation).json()["active"] is False
    directory, now = shop.directory(), datetime.now(UTC)
    assert directory.person_at("mail:li.na@example.com", now - timedelta(days=30)) == LI
    assert directory.person_at("mail:li.na@example.com", now) == "mail:li.na@example.com"
    assert directory.person_at("employee:7", now) == LI, "HR files by the number long after"
    assert shop.records.filings() == [], "which is no resignation by itself"
    assert patch(idp, li["id"], {"op": "replace", "path": "active", "value": True}).json()["active"] is True
    assert shop.directory().person_at("mail:li.na@example.com", datetime.now(UTC)) == LI


def test_deleting_ends_accounts_and_says_nothing(shop: Shop, idp: TestClient) -> None:
    user = made(idp)
    gone = idp.delete(f"/scim/v2/Users/{user['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert idp.get(f"/scim/v2/Users/{user['id']}").json()["active"] is False
    assert idp.delete("/scim/v2/Users/nobody").status_code == 404


def test_where_the_company_says_so_who_is_no_longer_active_has_left(
    shop: Shop, idp: TestClient, tmp_path: Path
) -> None:
    hrshop.with_hr(shop, tmp_path, scim_inactive_is_departure=True)
    user = made(idp, **{ENTERPRISE: {"department": "Sales"}})
    person = "ann@example.com"
    for active, stage in ((False, "notice"), (True, "active"), (False, "notice")):
        patch(idp, user["id"], {"op": "replace", "path": "active", "value": active})
        assert shop.directory().stage(person, datetime.now(UTC)).value == stage


def test_entra_changes_parts_by_path(shop: Shop, idp: TestClient) -> None:
    user = made(idp)
    (boss,) = found(idp, 'userName eq "boss@example.com"')
    answer = patch(
        idp,
        user["id"],
        {"op": "Replace", "path": "displayName", "value": "Ann Jones"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ann.jones@example.com"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": boss["id"]},
        {"op": "Add", "path": "title", "value": "Head"},
        {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "FR"},
        {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "1"},
    )
    view = answer.json()
    assert (view["displayName"], view["title"], view["addresses"][0]["country"]) == ("Ann Jones", "Head", "FR")
    assert view["emails"][0]["value"] == "ann.jones@example.com"
    person = shop.directory().person("20")
    assert (person.manager_email, person.email) == ("boss@example.com", "ann.jones@example.com")
    view = patch(idp, user["id"], {"op": "Remove", "path": f"{ENTERPRISE}:manager"}, {"op": "remove", "path": "title"})
    assert (shop.directory().person("20").manager_email, view.json()["title"]) == ("", "")


def test_okta_replaces_a_user_whole(shop: Shop, idp: TestClient) -> None:
    user = made(idp)
    body = {"userName": "ann@example.com", "name": {"givenName": "Ann", "familyName": "Lee"}, "active": True}
    view = idp.put(f"/scim/v2/Users/{user['id']}", json=body | {ENTERPRISE: {"employeeNumber": "20"}}).json()
    assert (view["displayName"], view["externalId"], view["title"]) == ("Ann Lee", "", "")
    chinese = body | {"name": {"givenName": "娜", "familyName": "李"}}
    assert idp.put(f"/scim/v2/Users/{user['id']}", json=chinese).json()["displayName"] == "李娜"


def test_a_name_changes_by_its_formatted_form_too(idp: TestClient) -> None:
    user = made(idp)
    view = patch(idp, user["id"], {"op": "replace", "path": "name.formatted", "value": "Ann Jones"}).json()
    assert (view["displayName"], view["name"]["formatted"]) == ("Ann Jones", "Ann Jones")


def test_attribute_names_are_read_in_any_case(idp: TestClient) -> None:
    answer = idp.post("/scim/v2/Users", json={"USERNAME": "max@example.com", "Emails": [{"VALUE": "max@example.com"}]})
    assert answer.json()["userName"] == "max@example.com"


def test_two_users_never_have_one_name_or_number(idp: TestClient) -> None:
    made(idp)
    for other in (ANN, ANN | {ENTERPRISE: {"employeeNumber": "21"}}, ANN | {"userName": "other@example.com"}):
        answer = idp.post("/scim/v2/Users", json=other)
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")
    mail = {"userName": "x", "emails": [{"value": "kurt@example.com"}]}
    assert idp.post("/scim/v2/Users", json=mail).status_code == 409, "nobody takes another's account"
    (kurt,) = found(idp, 'userName eq "kurt@example.com"')
    taken = patch(idp, kurt["id"], {"op": "replace", "path": "userName", "value": "ann@example.com"})
    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")
    other = patch(idp, kurt["id"], {"op": "replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "20"})
    assert (other.status_code, other.json()["scimType"]) == (400, "mutability")


@pytest.mark.parametrize(
    ("operations", "kind"),
    [
        ([{"op": "move", "path": "title"}], "invalidSyntax"),
        ([{"op": "remove"}], "noTarget"),
        ([{"op": "replace", "value": "x"}], "invalidValue"),
        ([{"op": "replace", "path": "salary", "value": 1}], "invalidPath"),
        ([{"op": "replace", "path": "emails[type", "value": 1}], "invalidPath"),
        ([{"op": "replace", "path": 'title[type eq "work"]', "value": 1}], "invalidPath"),
        ([{"op": "replace", "path": 'emails[display eq "x"].value', "value": "a@b.example"}], "invalidPath"),
        ([{"op": "replace", "path": "emails", "value": "not a mail"}], "invalidValue"),
        ([{"op": "replace", "path": 'emails[type eq "work"].value', "value": "nonsense"}], "invalidValue"),
        ([{"op": "remove", "path": "userName"}], "invalidValue"),
        ([{"op": "replace", "path": "active", "value": "perhaps"}], "invalidValue"),
        ([{"op": "replace", "path": "title", "value": "a\nlog line"}], "invalidValue"),
        ([{"op": "replace", "path": "title", "value": "x" * 321}], "invalidValue"),
        ([{"op": "replace", "path": f"{ENTERPRISE}:manager", "value": "nobody"}], "invalidValue"),
        ([], "invalidValue"),
        ([{"op": "add", "path": "title", "value": "x"}] * 101, "invalidValue"),
    ],
)
def test_a_change_that_cannot_be_made_changes_nothing(
    shop: Shop, idp: TestClient, operations: list[dict[str, Any]], kind: str
) -> None:
    user = made(idp)
    first = [{"op": "replace", "path": "title", "value": "Boss"}] if len(operations) == 1 else []
    answer = patch(idp, user["id"], *first, *operations)
    assert (answer.status_code, answer.json()["status"], answer.json()["scimType"]) == (400, "400", kind)
    assert idp.get(f"/scim/v2/Users/{user['id']}").json() == user


def test_errors_are_said_the_way_of_scim(shop: Shop, client_of: Clients, idp: TestClient) -> None:
    analyst = client_of(Role.ANALYST)
    german = client_of(Role.SERVICE, scope=Scope(countries=frozenset({"DE"})))
    for answer, status in (
        (analyst.get("/scim/v2/Users"), 403),
        (german.get("/scim/v2/Users"), 403),
        (idp.get("/scim/v2/Users/nobody"), 404),
        (idp.post("/scim/v2/Users", content=b"{"), 400),
        (idp.post("/scim/v2/Users", content=b"[]"), 400),
        (idp.post("/scim/v2/Users", json={"userName": " "}), 400),
    ):
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/scim+json")
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert answer.json()["status"] == str(status)


def test_a_client_may_find_out_what_there_is(idp: TestClient) -> None:
    config = idp.get("/scim/v2/ServiceProviderConfig").json()
    assert (config["patch"]["supported"], config["bulk"]["supported"]) == (True, False)
    assert idp.get("/scim/v2/ResourceTypes").json()["Resources"][0]["endpoint"] == "/Users"
    core, enterprise = idp.get("/scim/v2/Schemas").json()["Resources"]
    user = made(idp)
    names = {one["name"] for one in core["attributes"]}
    assert names == user.keys() - {"schemas", "id", "meta", ENTERPRISE}
    assert {one["name"] for one in enterprise["attributes"]} >= user[ENTERPRISE].keys()


def test_every_read_of_a_person_is_noted(shop: Shop, idp: TestClient) -> None:
    found(idp, 'userName eq "kurt@example.com"')
    assert [(one.deed, one.by) for one in shop.records.audited(KURT)] == [(Deed.SAW, "entra")]
    assert shop.records.audited(BOSS) == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("active", Where("active")),
        (f"{USER}:userName", Where("userName")),
        ("NAME.GivenName", Where("name", None, "givenName")),
        ('emails[type eq "work"].value', Where("emails", ("type", "work"), "value")),
        ("emails[primary eq true]", Where("emails", ("primary", "true"))),
        (f"{ENTERPRISE}:manager.value", Where("manager", None, "value")),
        ("nickName", None),
        ("name.honorificPrefix", None),
    ],
)
def test_paths_are_read(text: str, meant: Where | None) -> None:
    assert path_of(text) == meant


ODD = st.text(alphabet=st.sampled_from('aemilsnuType[]."\\ eq\x00\ud800:é{}'), max_size=60)


@given(text=ODD | st.text(max_size=40))
def test_hostile_paths_and_filters_are_read_or_refused(text: str) -> None:
    for read in (path_of, comparison):
        try:
            read(text)
        except ScimProblem as error:
            assert error.status == 400  # noqa: PT017


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
OF_EMAILS = ["emails", 'emails[type eq "work"].value', 'emails[type eq "x"]']
OF_ENTERPRISE = [f"{ENTERPRISE}:manager", f"{ENTERPRISE}:department", ENTERPRISE]
PATHS = st.sampled_from(
    ["active", "userName", "name", "name.givenName", "addresses", "title", "\ud800", *OF_EMAILS, *OF_ENTERPRISE]
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "replace", "remove", "x"])}, optional={"path": PATHS, "value": VALUES}
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATIONS, max_size=3))
def test_hostile_changes_are_made_or_refused_and_never_a_fault(
    idp: TestClient, operations: list[dict[str, Any]]
) -> None:
    (kurt,) = idp.get("/scim/v2/Users").json()["Resources"][3:]
    body = json.dumps({"Operations": operations}).encode()
    answer = idp.patch(f"/scim/v2/Users/{kurt['id']}", content=body)
    assert answer.status_code in (200, 400, 409), answer.text
    assert idp.get(f"/scim/v2/Users/{kurt['id']}").status_code == 200
