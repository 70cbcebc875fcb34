"""Where one part meets another: what a reviewer found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import APIRouter, Response
from fastapi.testclient import TestClient

from api.caller import needs
from api.shop import Shop
from core.access import Caller, Permission, Role, Scope
from core.action import Action, ActionKind, ActionState
from core.person import Person
from store.records import SqlRecords
from tests.api import hrshop
from tests.api.hrshop import LI
from tests.api.people import House
from tests.api.shops import EVERYTHING
from tests.api.small import KEY, Things, small
from tests.api.test_notices_api import change, sent

Clients = Callable[..., TestClient]
ONCE = {"Idempotency-Key": KEY}
SECRET = "whsec_shown_once"


def test_what_hr_writes_does_not_tell_the_masked_analyst_who_it_is(
    shop: Shop, client_of: Clients, tmp_path: Path
) -> None:
    hrshop.with_hr(shop, tmp_path)
    analyst, hr = client_of(Role.ANALYST, "an"), client_of(Role.HR, "hr1")
    (case,) = shop.records.cases()
    notice = sent(analyst, case.id)
    said = {
        "answers": [{"step": notice["steps"][0]["step"], "done": True, "note": "met 李娜 on Monday"}],
        "feedback": "Li.Na@example.com hands over to wang",
    }
    own = change(hr, notice, "answers", said).json()
    assert (own["feedback"], own["steps"][0]["note"]) == (said["feedback"], "met 李娜 on Monday")
    (told,) = analyst.get(f"/api/v1/cases/{case.id}/notices").json()
    masked = shop.pseudonyms(LI)
    assert (told["feedback"], told["steps"][0]["note"]) == (f"{masked} hands over to wang", f"met {masked} on Monday")
    listed = analyst.get("/api/v1/notices").text + analyst.get(f"/api/v1/notices/{notice['id']}").text
    assert not any(word in listed for word in ("李娜", "Li.Na", "li.na"))


class Acted:
    """Records in which one action has ended, asked for by a colleague who is an employee."""

    def __init__(self, shop: Shop, state: ActionState) -> None:
        (case,) = shop.records.cases()
        at = datetime.now(UTC)
        self.action = Action(
            id="a" * 32,
            kind=ActionKind.DISABLE_ACCOUNT,
            case=case.id,
            person=case.person,
            reason="mass export",
            asked_by="ann",
            asked=at,
            expires=at + timedelta(days=1),
            state=state,
            result="user li.na@example.com (李娜) is disabled" if state is ActionState.DONE else "",
        )


def test_the_result_of_an_action_does_not_tell_who_it_is(
    shop: Shop, client_of: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    acted = Acted(shop, ActionState.DONE)
    monkeypatch.setattr(shop.records, "action", lambda _: acted.action)
    shown = client_of(Role.ANALYST, "bo").get(f"/api/v1/actions/{acted.action.id}").json()
    masked = shop.pseudonyms(LI)
    assert shown["result"] == f"user {masked} ({masked}) is disabled"


def test_two_accounts_of_one_employee_are_no_two_persons(
    shop: Shop, client_of: Clients, monkeypatch: pytest.MonkeyPatch, house: House
) -> None:
    acted = Acted(shop, ActionState.ASKED)
    house.add("ann", Role.ANALYST)
    house.change("ann", person="55")
    asker = house.records.user("ann")
    monkeypatch.setattr(shop.records, "action", lambda _: acted.action)
    monkeypatch.setattr(shop.records, "user", lambda _: asker)
    monkeypatch.setattr(shop.records, "decide_action", lambda *_, **__: acted.action)
    path, body = f"/api/v1/actions/{acted.action.id}/approve", {"reason": "fine"}
    assert client_of(Role.SENIOR_ANALYST, "ann2", person="55").post(path, json=body).status_code == 409
    assert client_of(Role.SENIOR_ANALYST, "bo", person="56").post(path, json=body).status_code == 200


def test_another_address_of_a_user_is_another_employee_at_once(house: House) -> None:
    house.records.save_persons(
        [Person(id="1", name="Ann", email="ann@x.example"), Person(id="2", name="Bo", email="bo@x.example")], []
    )
    house.add("boss", Role.ADMIN)
    house.add("ann", Role.ANALYST)
    house.change("ann", email="ann@x.example", person="1")
    boss = house.logged_in("boss")
    assert boss.patch("/api/v1/users/ann", json={"email": "bo@x.example"}).status_code == 200
    user = house.records.user("ann")
    assert user
    assert user.person == "2", "a key never logs in, so nobody would look it up later"


def test_the_reason_of_a_decision_cannot_be_guessed_by_search(shop: Shop, client_of: Clients) -> None:
    analyst = client_of(Role.ANALYST, "an")
    (case,) = shop.records.cases()
    tag = analyst.get(f"/api/v1/cases/{case.id}/work").headers["ETag"]
    body = {"verdict": "confirmed", "reason": "王小明 admitted it"}
    tag = '"' + tag.strip('"').partition(".")[0] + '"'
    assert analyst.post(f"/api/v1/cases/{case.id}/decision", json=body, headers={"If-Match": tag}).status_code == 200
    assert analyst.get("/api/v1/worklist").json()["items"][0]["reason"] is None
    assert analyst.get("/api/v1/worklist", params={"text": "王小明"}).json()["items"] == []


class Secrets(Things):
    """Things, and a secret that is shown once."""

    def router(self) -> APIRouter:
        router = super().router()

        @router.post("/secrets", operation_id="make_secret", status_code=201)
        def make_secret(response: Response, _: Caller = needs(Permission.WORK_CASES)) -> dict[str, str]:
            self.made.append("secret")
            response.headers["Cache-Control"] = "no-store"
            return {"secret": SECRET}

        return router


def test_what_is_shown_once_is_not_shown_again(tmp_path: Path) -> None:
    records, things = SqlRecords(f"sqlite:///{tmp_path / 'r.db'}"), Secrets()
    client = small(things, records=records)
    assert client.post("/secrets", headers=ONCE).json() == {"secret": SECRET}
    again = client.post("/secrets", headers=ONCE)
    assert (again.status_code, again.json()["code"], things.made) == (409, "done-before", ["secret"])
    records.close()


def test_an_answer_is_not_given_again_to_whoever_may_look_at_others_by_now(tmp_path: Path) -> None:
    records, things, thing = SqlRecords(f"sqlite:///{tmp_path / 'r.db'}"), Things(), {"id": "a", "size": 3}
    assert small(things, records=records).post("/things", json=thing, headers=ONCE).status_code == 201
    for now in (replace(EVERYTHING, scope=Scope(departments=frozenset({"Sales"}))), replace(EVERYTHING, person="7")):
        again = small(things, now, records).post("/things", json=thing, headers=ONCE)
        assert (again.status_code, again.json()["code"]) == (422, "idempotency-key-used")
    assert len(things.made) == 1
    records.close()
