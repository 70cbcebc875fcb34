"""HR files departures over the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import uploads
from api.shop import Shop
from core.access import Role, Scope
from core.evidence import Deed
from core.happening import Kind
from tests.api import hrshop
from tests.api.hrshop import BOSS, HR, KURT, LI

Clients = Callable[..., TestClient]
NOW = datetime.now(UTC)
TODAY = NOW.date()
SOON = (TODAY + timedelta(days=20)).isoformat()
LATER = (TODAY + timedelta(days=40)).isoformat()


@pytest.fixture
def shop(shop: Shop, tmp_path: Path) -> Shop:
    return hrshop.with_hr(shop, tmp_path)


@pytest.fixture
def hr(client_of: Clients) -> TestClient:
    return client_of(Role.HR, "hr1")


def filed(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/leavers", json={"employee_number": LI, "last_day": SOON} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code")


@pytest.mark.parametrize("name", [{"employee_number": "7"}, {"email": "Li.Na@example.com"}])
def test_hr_files_by_number_or_mail_and_sees_who_it_is(shop: Shop, hr: TestClient, name: dict[str, str]) -> None:
    answer = hr.post("/api/v1/leavers", json=name | {"last_day": SOON})
    view = answer.json()
    assert (answer.status_code, view["stage"], view["last_day"], view["days_left"] in (19, 20)) == (
        201,
        "notice",
        SOON,
        True,
    )
    assert view["identity"]["name"] == "李娜"
    assert view["person"] == shop.pseudonyms(LI)
    assert hr.get(answer.headers["Location"]).json() == view


def test_what_is_filed_is_told_noted_and_to_be_judged(shop: Shop, hr: TestClient) -> None:
    filed(hr)
    assert {mark.subject for mark in shop.records.pending() if mark.urgent} == {"employee:7"}
    (told,) = (one for one in shop.records.happened(-1, 1000) if one.kind is Kind.FILING_RECEIVED)
    assert (told.person, told.by) == (LI, "hr1")
    (entry,) = (one for one in shop.records.audited(LI) if one.deed is Deed.FILED)
    assert (entry.by, entry.details) == ("hr1", {"filed": 1, "withdrawn": 0})


def test_the_same_again_changes_nothing_and_another_is_refused(shop: Shop, hr: TestClient) -> None:
    when = (NOW - timedelta(days=3)).isoformat()
    filed(hr, filed=when)
    assert hr.post("/api/v1/leavers", json={"employee_number": LI, "last_day": SOON, "filed": when}).status_code == 200
    assert hr.post("/api/v1/leavers", json={"email": "li.na@example.com", "last_day": SOON}).status_code == 200
    assert len(shop.records.filings()) == 1
    again = hr.post("/api/v1/leavers", json={"employee_number": LI, "last_day": LATER})
    assert code(again) == (409, "already-filed")


def test_a_pseudonym_names_the_person_too(shop: Shop, hr: TestClient) -> None:
    answer = hr.post("/api/v1/leavers", json={"person": shop.pseudonyms(KURT)})
    assert answer.json()["identity"]["name"] == "Kurt"
    assert hr.post("/api/v1/leavers", json={"person": KURT}).status_code == 422, "an id is no pseudonym"


def test_the_last_day_changes_from_now_on_and_what_was_known_before_stays(shop: Shop, hr: TestClient) -> None:
    when = datetime.now(UTC) - timedelta(days=3)
    person = filed(hr, filed=when.isoformat())["person"]
    changed = hr.patch(f"/api/v1/leavers/{person}", json={"last_day": LATER}).json()
    assert (changed["last_day"], datetime.fromisoformat(changed["filed"])) == (LATER, when)
    before, after = shop.records.filings()
    assert (before.last_day.isoformat(), after.last_day.isoformat()) == (SOON, LATER)  # type: ignore[union-attr]
    hr.patch(f"/api/v1/leavers/{person}", json={"last_day": LATER})
    assert len(shop.records.filings()) == 2, "the same again changes nothing"
    assert hr.patch(f"/api/v1/leavers/{person}", json={"last_day": None}).json()["last_day"] is None


def test_a_withdrawal_ends_it_once_and_somebody_may_resign_again(shop: Shop, hr: TestClient) -> None:
    person = filed(hr)["person"]
    view = hr.post(f"/api/v1/leavers/{person}/withdraw").json()
    assert (view["stage"], view["last_day"], view["withdrawn"] is not None) == ("active", None, True)
    assert hr.post(f"/api/v1/leavers/{person}/withdraw").json() == view
    assert code(hr.patch(f"/api/v1/leavers/{person}", json={"last_day": SOON})) == (409, "no-departure")
    old = (NOW - timedelta(days=1)).isoformat()
    assert code(hr.post("/api/v1/leavers", json={"employee_number": LI, "filed": old})) == (409, "withdrawn-since")
    assert filed(hr)["stage"] == "notice"


def test_what_was_filed_by_mistake_was_never_filed(shop: Shop, hr: TestClient) -> None:
    person = filed(hr, filed=(NOW - timedelta(days=3)).isoformat())["person"]
    hr.patch(f"/api/v1/leavers/{person}", json={"last_day": LATER})
    hr.post(f"/api/v1/leavers/{person}/withdraw", json={"mistake": True})
    for filing in shop.records.filings():
        assert shop.directory().stage(LI, filing.filed).value == "active"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"employee_number": "404"}, "unknown-person"),
        ({"email": "who@example.com"}, "unknown-person"),
        ({"person": "P0123"}, "unknown-person"),
        ({"employee_number": LI, "last_day": (TODAY - timedelta(days=3)).isoformat()}, "last-day-before-filing"),
        ({"employee_number": LI, "filed": (NOW + timedelta(days=1)).isoformat()}, "future-filing"),
        ({"employee_number": LI, "email": "li.na@example.com"}, "invalid"),
        ({}, "invalid"),
        ({"employee_number": " "}, "invalid"),
        ({"employee_number": LI, "filed": "2026-03-02T10:00:00"}, "invalid"),
        ({"employee_number": LI, "last_day": "9999-12-31"}, "invalid"),
        ({"employee_number": LI, "filed": "0001-01-01T00:00:00+14:00"}, "invalid"),
        ({"employee_number": LI, "by": "somebody"}, "invalid"),
    ],
)
def test_what_cannot_be_filed_is_said_clearly(hr: TestClient, body: dict[str, Any], why: str) -> None:
    assert code(hr.post("/api/v1/leavers", json=body)) == (422, why)


def test_leavers_are_listed_newest_first_a_page_at_a_time(shop: Shop, hr: TestClient) -> None:
    filed(hr, filed=(NOW - timedelta(days=9)).isoformat())
    filed(hr, employee_number=KURT)
    first = hr.get("/api/v1/leavers", params={"limit": 1}).json()
    assert [one["identity"]["name"] for one in first["items"]] == ["Kurt"]
    rest = hr.get("/api/v1/leavers", params={"limit": 1, "after": first["next"]}).json()
    assert ([one["identity"]["name"] for one in rest["items"]], rest["next"]) == (["李娜"], None)
    hr.post(f"/api/v1/leavers/{shop.pseudonyms(KURT)}/withdraw")
    staying = hr.get("/api/v1/leavers", params={"stage": "active"}).json()["items"]
    assert [one["identity"]["name"] for one in staying] == ["Kurt"]
    assert hr.get("/api/v1/leavers", params={"after": "x"}).status_code == 422
    assert any(entry.details == {"what": "leavers"} for entry in shop.records.audited(LI))


def test_analysts_see_pseudonyms_and_file_nothing(hr: TestClient, client_of: Clients) -> None:
    person = filed(hr)["person"]
    analyst = client_of(Role.ANALYST)
    (view,) = analyst.get("/api/v1/leavers").json()["items"]
    assert (view["person"], view["identity"]) == (person, None)
    assert "li.na" not in analyst.get(f"/api/v1/leavers/{person}").text
    assert analyst.post("/api/v1/leavers", json={"employee_number": KURT}).status_code == 403
    assert analyst.post(f"/api/v1/leavers/{person}/withdraw").status_code == 403


@pytest.mark.parametrize("role", [Role.LEGAL, Role.AUDITOR, Role.ADMIN])
def test_others_see_no_leavers(client_of: Clients, role: Role) -> None:
    assert client_of(role).get("/api/v1/leavers").status_code == 403


def test_nobody_files_or_sees_themselves_their_managers_or_whom_their_scope_leaves_out(
    shop: Shop, hr: TestClient, client_of: Clients
) -> None:
    own = client_of(Role.HR, person=HR)
    german = client_of(Role.HR, scope=Scope(countries=frozenset({"DE"})))
    for number in (HR, BOSS):
        assert code(own.post("/api/v1/leavers", json={"employee_number": number})) == (422, "unknown-person")
    filed(hr, employee_number=HR)
    filed(hr, employee_number=BOSS)
    assert own.get("/api/v1/leavers").json()["items"] == []
    person = filed(hr)["person"]
    for hidden in (person, shop.pseudonyms(BOSS)):
        assert german.get(f"/api/v1/leavers/{hidden}").status_code == 404
        assert german.post(f"/api/v1/leavers/{hidden}/withdraw").status_code == 404
        assert german.patch(f"/api/v1/leavers/{hidden}", json={"last_day": SOON}).status_code == 404
    assert german.get("/api/v1/leavers").json()["items"] == []
    file = f"employee_no,ResignationDate\n{LI},{TODAY}\n{KURT},{TODAY}\n"
    done = upload(german, file).json()
    assert (done["taken"], [one["line"] for one in done["problems"]]) == (1, [2])


def upload(client: TestClient, text: str | bytes, what: str = "leavers", **params: Any) -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    return client.post(f"/api/v1/{what}/import", content=data, params=params, headers={"Content-Type": "text/csv"})


def test_a_file_of_departures_is_checked_then_taken_and_bad_rows_are_named(shop: Shop, hr: TestClient) -> None:
    file = (
        "employee_no,ResignationDate,LastWorkingDate\n"
        f"{LI},{TODAY},{SOON}\n"
        f"404,{TODAY},{SOON}\n"
        f"{KURT},{TODAY},2020-01-01\n"
        f"{BOSS},{TODAY + timedelta(days=9)},\n"
        "=cmd|' /C calc'!A0,yesterday,\n"
    )
    checked = upload(hr, file, check=True).json()
    assert (checked["rows"], checked["taken"], checked["checked_only"]) == (5, 1, True)
    assert sorted({one["line"] for one in checked["problems"]}) == [3, 4, 5, 6]
    assert shop.records.filings() == []
    assert upload(hr, file).json() == checked | {"checked_only": False}
    upload(hr, file)
    assert len(shop.records.filings()) == 1, "the same file again changes nothing"
    (entry,) = (one for one in shop.records.audited(LI) if one.deed is Deed.FILED)
    assert entry.by == "hr1"


def test_a_file_may_withdraw(shop: Shop, hr: TestClient) -> None:
    filed(hr, filed=(NOW - timedelta(days=3)).isoformat())
    file = f"employee_no,ResignationDate,Status\n{LI},{datetime.now(UTC).isoformat()},withdrawn\n"
    assert upload(hr, file).json()["problems"] == []
    assert hr.get(f"/api/v1/leavers/{shop.pseudonyms(LI)}").json()["stage"] == "active"


def test_a_file_of_people_is_taken_by_those_who_see_the_whole_company(shop: Shop, client_of: Clients) -> None:
    file = "employee_no,name,email\n20,Ann,ann@example.com\n21,,not a mail\n"
    done = upload(client_of(Role.HR), file, "people").json()
    assert (done["taken"], done["problems"][0]["line"]) == (1, 3)
    assert "ann@example.com" in {person.email for person in shop.records.persons()}
    german = client_of(Role.HR, scope=Scope(countries=frozenset({"DE"})))
    assert code(upload(german, file, "people")) == (403, "scoped")
    assert upload(client_of(Role.ANALYST), file, "people").status_code == 403


def test_uploads_are_csv_and_no_larger_than_they_may_be(hr: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code(hr.post("/api/v1/leavers/import", json={})) == (415, "not-csv")
    assert code(upload(hr, b"")) == (409, "refused")
    assert code(upload(hr, b"\xff\xfe\x00")) == (409, "refused")
    assert code(upload(hr, "a,b\n1,2\n")) == (409, "refused")
    monkeypatch.setattr(uploads, "LARGEST", 100)
    assert code(upload(hr, b"x" * 101)) == (413, "too-large")


TEXT = st.text(max_size=30)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(
        st.sampled_from(["employee_number", "email", "filed", "last_day", "x\ud800"]), TEXT, max_size=3
    )
)
def test_hostile_filings_are_refused_and_never_a_fault(hr: TestClient, body: dict[str, str]) -> None:
    data = json.dumps(body).encode()
    answer = hr.post("/api/v1/leavers", content=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_hostile_files_are_refused_or_named_row_by_row(hr: TestClient, data: bytes) -> None:
    head = b"employee_no,ResignationDate,LastWorkingDate,timezone\n"
    assert upload(hr, data, check=True).status_code in (200, 409)
    assert upload(hr, head + data, check=True).status_code in (200, 409)
