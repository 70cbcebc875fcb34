"""The audit log over HTTP: every look, by pseudonym, a page at a time, and whether it is whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from api.shop import Shop
from core.access import Role, Scope
from core.case import CaseState
from tests.api.shops import NAMES

LI = NAMES("7")
ClientOf = Callable[..., TestClient]


@pytest.fixture
def looked(client_of: ClientOf, shop: Shop) -> str:
    """Three looks and a decision; the case."""
    ann, case = client_of(Role.ANALYST, "ann"), shop.records.cases()[0].id
    ann.get("/api/v1/persons")
    ann.get(f"/api/v1/cases/{case}")
    client_of(Role.SENIOR_ANALYST, "sen").get("/api/v1/alerts")
    shop.records.decide(case, CaseState.BENIGN, "on duty", datetime.now(UTC), "sen")
    return case


def test_an_auditor_sees_every_look_by_pseudonym(client_of: ClientOf, looked: str) -> None:
    auditor = client_of(Role.AUDITOR, "aud", Scope(departments=frozenset({"Finance"})), person="7")
    items = auditor.get("/api/v1/audit").json()["items"]
    assert [(one["by"], one["deed"], set(one["about"])) for one in items] == [
        ("ann", "saw", {LI}),
        ("ann", "saw", {LI, looked}),
        ("sen", "saw", {LI}),
        ("sen", "decided", {LI, looked}),
    ], "whoever it is about: also of another department, and of the auditor"
    assert [one["number"] for one in items] == [0, 1, 2, 3]
    assert items[1]["before"] == items[0]["digest"]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"about": LI}, [0, 1, 2, 3]),
        ({"by": "ann"}, [0, 1]),
        ({"deed": "decided"}, [3]),
        ({"by": "ann", "deed": "decided"}, []),
        ({"since": "2999-01-01"}, []),
    ],
)
def test_it_is_narrowed(client_of: ClientOf, looked: str, asked: dict[str, str], numbers: list[int]) -> None:
    auditor = client_of(Role.AUDITOR, "aud")
    assert [one["number"] for one in auditor.get("/api/v1/audit", params=asked).json()["items"]] == numbers
    about = auditor.get("/api/v1/audit", params={"about": looked}).json()["items"]
    assert [one["number"] for one in about] == [1, 3]


@pytest.mark.parametrize("about", ["7", "li.na@example.com", "P0000000000000000", "nobody"])
def test_nobody_is_found_by_anything_but_a_pseudonym(client_of: ClientOf, looked: str, about: str) -> None:
    auditor = client_of(Role.AUDITOR, "aud")
    assert auditor.get("/api/v1/audit", params={"about": about}).status_code == 404


def test_it_comes_a_page_at_a_time_and_reading_it_is_noted_once(client_of: ClientOf, shop: Shop, looked: str) -> None:
    auditor = client_of(Role.AUDITOR, "aud")
    numbers, after = [], None
    for _ in range(3):
        page = auditor.get("/api/v1/audit", params={"limit": 2} | ({"after": after} if after else {})).json()
        numbers += [one["number"] for one in page["items"]]
        after = page["next"]
    assert numbers == [0, 1, 2, 3, 4]
    own = [(entry.by, list(entry.about)) for entry in shop.records.audited(by="aud")]
    assert own == [("aud", ["audit"])]
    for bad in ("x", "W10"):
        assert auditor.get("/api/v1/audit", params={"after": bad}).status_code == 422


def test_it_says_whether_it_is_whole(client_of: ClientOf, shop: Shop, looked: str) -> None:
    auditor = client_of(Role.AUDITOR, "aud")
    assert auditor.get("/api/v1/audit/check").json() == {"entries": 4, "broken": None}
    with shop.records.database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("update audit set \"by\" = 'nobody' where number = 1")
    assert auditor.get("/api/v1/audit/check").json()["broken"] == "audit entry 1 was changed"


def test_others_do_not_read_it(client_of: ClientOf) -> None:
    for role in set(Role) - {Role.AUDITOR}:
        assert client_of(role).get("/api/v1/audit").status_code == 403
        assert client_of(role).get("/api/v1/audit/check").status_code == 403
