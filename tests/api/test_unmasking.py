"""Who sees who somebody is: nobody at first, then whoever was granted it, for a case, a reason and a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from access import unmasking as rules
from access.permissions import OF_ROLE
from api import shop as shops
from api.shop import Shop
from core.access import Caller, Depth, Permission, Role, Scope
from core.case import CaseState
from core.errors import Refused
from core.evidence import Deed
from core.happening import Kind
from core.person import Link, Person
from core.unmasking import Purpose, UnmaskingState
from store.records.unmaskings import TO_APPROVE
from tests.api.shops import NAMES

LI = NAMES("7")
ClientOf = Callable[..., TestClient]


def case_of(shop: Shop) -> str:
    return shop.records.cases()[0].id


def asked(client: TestClient, shop: Shop, **more: object) -> Any:
    body = {"case": case_of(shop), "purpose": "investigate", "reason": "20,000 records in a night"} | more
    return client.post("/api/v1/unmaskings", json=body)


def identity(client: TestClient, shop: Shop) -> Any:
    return client.get(f"/api/v1/cases/{case_of(shop)}").json()["case"]["identity"]


def answer(client: TestClient, unmasking: str, what: str = "approve", why: str | None = "it fits the case") -> Any:
    return client.post(f"/api/v1/unmaskings/{unmasking}/{what}", json=None if why is None else {"why": why})


def test_an_analyst_waits_for_a_second_person_and_only_who_asked_sees_who_it_is(
    client_of: ClientOf, shop: Shop
) -> None:
    ann, other = client_of(Role.ANALYST, "ann"), client_of(Role.ANALYST, "other")
    senior = client_of(Role.SENIOR_ANALYST, "sen")
    made = asked(ann, shop)
    assert (made.status_code, made.json()["state"], made.json()["person"]) == (201, "waiting", LI)
    assert identity(ann, shop) is None
    one = made.json()["id"]
    assert answer(ann, one).status_code == 403, "an analyst approves nothing"
    assert answer(other, one, "withdraw", None).status_code == 404, "others' are not known"
    granted = answer(senior, one).json()
    assert (granted["state"], granted["answered_by"], granted["in_force"]) == ("granted", "sen", True)
    assert identity(ann, shop)["name"] == "李娜"
    assert identity(other, shop) is None
    assert identity(senior, shop) is None
    assert answer(senior, one).status_code == 409, "it is answered already"


def test_a_senior_analyst_sees_an_identity_at_once_but_never_what_was_written(client_of: ClientOf, shop: Shop) -> None:
    senior, legal = client_of(Role.SENIOR_ANALYST, "sen"), client_of(Role.LEGAL, "leg")
    alone = asked(senior, shop).json()
    assert (alone["state"], alone["answered_by"], alone["hours"]) == ("granted", "sen", 8)
    assert identity(senior, shop)["id"] == "7"
    content = asked(senior, shop, depth="content").json()
    assert content["state"] == "waiting"
    for_itself = answer(senior, content["id"])
    assert (for_itself.status_code, for_itself.json()["code"]) == (409, "refused")
    assert "second person" in for_itself.json()["detail"]
    assert answer(legal, content["id"]).json()["in_force"]


def test_the_same_employee_under_two_accounts_is_no_second_person(client_of: ClientOf, shop: Shop) -> None:
    shop.records.save_persons([Person(id="9", name="王伟", email="wang.wei@example.com")], [])
    one = asked(client_of(Role.ANALYST, "wang", person="9"), shop).json()["id"]
    assert answer(client_of(Role.SENIOR_ANALYST, "WANG"), one).status_code == 409
    assert answer(client_of(Role.SENIOR_ANALYST, "wang-admin", person="9"), one).status_code == 409
    assert answer(client_of(Role.SENIOR_ANALYST, "li", person="7"), one).status_code == 404, "the person concerned"
    outside = client_of(Role.SENIOR_ANALYST, "far", Scope(countries=frozenset({"SG"})))
    assert answer(outside, one).status_code == 404
    assert answer(client_of(Role.SENIOR_ANALYST, "sen"), one).status_code == 200


def test_it_is_refused_withdrawn_and_ended_early(client_of: ClientOf, shop: Shop) -> None:
    ann, senior = client_of(Role.ANALYST, "ann"), client_of(Role.SENIOR_ANALYST, "sen")
    refused = answer(senior, asked(ann, shop).json()["id"], "refuse", "the alerts say enough").json()
    assert (refused["state"], refused["answer"], refused["until"]) == ("refused", "the alerts say enough", None)
    waiting = asked(ann, shop).json()["id"]
    assert answer(senior, waiting, "withdraw", None).status_code == 409
    assert answer(ann, waiting, "withdraw", None).json()["state"] == "withdrawn"
    one = asked(ann, shop).json()["id"]
    assert answer(ann, one, "end", None).status_code == 409, "it is not in force"
    answer(senior, one)
    assert identity(ann, shop)
    assert answer(ann, one, "end", None).json()["state"] == "ended"
    assert identity(ann, shop) is None
    assert [entry.deed for entry in shop.records.audited() if entry.deed is not Deed.SAW] == [
        *(Deed.ASKED_TO_UNMASK, Deed.REFUSED_TO_UNMASK, Deed.ASKED_TO_UNMASK, Deed.ENDED_UNMASKING),
        *(Deed.ASKED_TO_UNMASK, Deed.UNMASKED, Deed.ENDED_UNMASKING),
    ]


def test_it_ends_by_itself_at_its_time_and_when_the_case_is_decided(
    client_of: ClientOf, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    senior = client_of(Role.SENIOR_ANALYST, "sen")
    one = asked(senior, shop, hours=2).json()["id"]

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(hours=2)

    with monkeypatch.context() as patched:
        patched.setattr(shops, "datetime", Later)
        assert identity(senior, shop) is None
    assert identity(senior, shop)
    shop.records.decide(case_of(shop), CaseState.BENIGN, "on duty", datetime.now(UTC), "sen")
    assert identity(senior, shop) is None
    told = senior.get(f"/api/v1/unmaskings/{one}").json()
    assert (told["state"], told["in_force"]) == ("granted", False)
    assert asked(senior, shop).status_code == 409, "nobody is unmasked for a case that is decided"


def test_what_waits_for_a_decided_case_is_not_granted_any_more(client_of: ClientOf, shop: Shop) -> None:
    one = asked(client_of(Role.ANALYST, "ann"), shop).json()["id"]
    shop.records.decide(case_of(shop), CaseState.BENIGN, "on duty", datetime.now(UTC), "sen")
    assert answer(client_of(Role.SENIOR_ANALYST, "sen"), one).status_code == 409


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"case": "none"}, 404),
        ({"person": NAMES("nobody")}, 404),
        ({"person": "7"}, 404),
        ({"person": LI}, 201),
        ({"purpose": "curiosity"}, 422),
        ({"reason": "  "}, 422),
        ({"reason": "x" * 1_001}, 422),
        ({"depth": "everything"}, 422),
        ({"hours": 0}, 422),
        ({"hours": 7 * 24}, 201),
        ({"hours": 7 * 24 + 1}, 422),
        ({"asked_by": "somebody else"}, 422),
        ({"state": "granted"}, 422),
    ],
)
def test_what_is_asked_for_is_bounded(client_of: ClientOf, shop: Shop, more: dict[str, object], status: int) -> None:
    assert asked(client_of(Role.ANALYST, "ann"), shop, **more).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        *("cases/%00", "cases/%ff", "persons/%00", "persons/%F0%9F%98%80", "unmaskings/%00", "unmaskings?case=%00"),
        *("audit?about=%00", "audit?by=%00", "audit?after=Wy0xXQ", "audit?after=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ"),
        *("audit?since=0001-01-01T00:00:00%2B14:00", "alerts?since=0001-01-01T00:00:00%2B14:00", "alerts?person=%00"),
        *("events?q=person.id:%00", "events/totals?by=person.id", "unmaskings?after=WyIiLCIiXQ"),
    ],
)
def test_hostile_questions_have_an_answer(client: TestClient, path: str) -> None:
    assert client.get(f"/api/v1/{path}").status_code in (200, 404, 422)


@pytest.mark.parametrize(
    "body", ['{"reason": "\\ud800"}', '{"reason": "a\\u0000b"}', '{"person": "\\ud800"}', '{"hours": NaN}', "[]", "x"]
)
def test_hostile_requests_have_an_answer(client: TestClient, shop: Shop, body: str) -> None:
    known = f'{{"case": "{case_of(shop)}", "purpose": "talk", "reason": "x", '
    content = body.replace("{", known, 1) if body.startswith("{") else body
    answer = client.post("/api/v1/unmaskings", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (201, 404, 422)


def test_somebody_of_another_case_is_not_unmasked_for_this_one(client_of: ClientOf, shop: Shop) -> None:
    shop.records.save_persons(
        [Person(id="9", name="王伟", email="wang.wei@example.com")], [Link(account="mail:w", person="9")]
    )
    assert asked(client_of(Role.ANALYST, "ann"), shop, person=NAMES("9")).status_code == 404


def test_the_lists_say_to_each_what_concerns_them_a_page_at_a_time(client_of: ClientOf, shop: Shop) -> None:
    ann, other = client_of(Role.ANALYST, "ann"), client_of(Role.ANALYST, "other")
    made = [asked(one, shop).json()["id"] for one in (ann, other, ann)]
    listed = ann.get("/api/v1/unmaskings").json()["items"]
    assert [one["id"] for one in listed] == [made[2], made[0]]
    senior = client_of(Role.SENIOR_ANALYST, "sen")
    page = senior.get("/api/v1/unmaskings", params={"state": "waiting", "limit": 2}).json()
    assert [one["id"] for one in page["items"]] == [made[2], made[1]]
    rest = senior.get("/api/v1/unmaskings", params={"limit": 2, "after": page["next"]}).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([made[0]], None)
    assert ann.get(f"/api/v1/unmaskings/{made[1]}").status_code == 404
    assert ann.get("/api/v1/unmaskings", params={"after": "x"}).status_code == 422


def test_each_step_is_noted_and_told_to_whom_it_concerns(client_of: ClientOf, shop: Shop) -> None:
    before = shop.records.last_happening()
    one = asked(client_of(Role.ANALYST, "ann"), shop).json()["id"]
    answer(client_of(Role.SENIOR_ANALYST, "sen"), one)
    told = shop.records.happened(before, 9)
    assert [(happening.kind, happening.subject, happening.by, happening.to) for happening in told] == [
        (Kind.UNMASKING_ASKED, one, "ann", TO_APPROVE),
        (Kind.UNMASKING_GRANTED, one, "sen", ("user:ann",)),
    ]
    assert set(TO_APPROVE) == {f"role:{role}" for role, may in OF_ROLE.items() if Permission.APPROVE_UNMASKING in may}
    entries = [entry for entry in shop.records.audited() if entry.deed is not Deed.SAW]
    assert [(entry.by, entry.deed, entry.why) for entry in entries] == [
        ("ann", Deed.ASKED_TO_UNMASK, "20,000 records in a night"),
        ("sen", Deed.UNMASKED, "it fits the case"),
    ]
    assert all(set(entry.about) == {"7", case_of(shop)} for entry in entries)


def test_a_look_says_by_which_unmasking_it_showed_who_somebody_is(client_of: ClientOf, shop: Shop) -> None:
    senior = client_of(Role.SENIOR_ANALYST, "sen")
    identity(senior, shop)
    one = asked(senior, shop).json()["id"]
    identity(senior, shop)
    looks = [entry for entry in shop.records.audited() if entry.details.get("what") == "case"]
    assert [entry.details.get("unmaskings") for entry in looks] == [None, [one]]


def test_of_two_answers_at_the_same_time_the_second_is_refused(client_of: ClientOf, shop: Shop) -> None:
    one = shop.records.unmasking(asked(client_of(Role.ANALYST, "ann"), shop).json()["id"])
    assert one is not None
    caller = Caller(name="sen", roles=frozenset(), permissions=frozenset())
    now = datetime.now(UTC)
    shop.records.save_unmasking(rules.refuse(one, caller, "no", now), UnmaskingState.WAITING)
    with pytest.raises(Refused, match="is refused by now"):
        shop.records.save_unmasking(rules.approve(one, caller, "yes", now), UnmaskingState.WAITING)
    assert [entry.deed for entry in shop.records.audited()][-1] is Deed.REFUSED_TO_UNMASK


def test_the_deepest_of_several_counts() -> None:
    caller = Caller(name="sen", roles=frozenset(), permissions=frozenset())
    at = datetime.now(UTC)

    def made(depth: Depth) -> Any:
        return rules.ask(
            caller, case="c", person="7", purpose=Purpose.LEGAL, reason="x", depth=depth, lasts=timedelta(1), at=at
        )

    deep, flat = made(Depth.CONTENT), made(Depth.IDENTITY)
    assert rules.depths([flat, deep]) == rules.depths([deep, flat]) == {"7": Depth.CONTENT}
