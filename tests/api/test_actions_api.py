"""Response actions over HTTP, from asking to the result; and deadlines in calendars."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from icalendar import Calendar

from api.shop import Shop
from app.config import Actions
from app.notifydesk import NotifyDesk
from app.wiring import House
from core.access import Role, Scope
from core.action import ActionKind
from core.alert import Severity
from core.evidence import Deed
from notify.webhook import new_secret, signed
from tests.app.told import SECRET, Told, config
from tests.notify.receivers import Receiver, receiving

Clients = Callable[..., TestClient]
ASKED = {"kind": "disable_account", "reason": "mass export"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(autouse=True)
def told(shop: Shop, tmp_path: Path, receiver: Receiver) -> Told:
    """The shop with somebody who acts."""
    house = House(config=config(tmp_path), records=shop.records, events=shop.events)
    told = Told(house)
    told.now = datetime.now(UTC)
    told.hook(receiver.port, "idp", kinds=frozenset(), actions=frozenset({"disable_account", "playbook:lock"}))
    shop.notify = NotifyDesk(house, told.channels, told.people)
    return told


@pytest.fixture
def case(shop: Shop) -> str:
    (case,) = shop.records.cases()
    return case.id


def ask(clients: Clients, case: str, **change: str) -> str:
    answer = clients(Role.ANALYST, "ann").post(f"/api/v1/cases/{case}/actions", json=ASKED | change)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def test_from_asking_to_the_result(client_of: Clients, case: str, told: Told, receiver: Receiver) -> None:
    action = ask(client_of, case)
    bo = client_of(Role.SENIOR_ANALYST, "bo")
    approved = bo.post(f"/api/v1/actions/{action}/approve", json={"reason": "seen it"})
    assert (approved.json()["state"], approved.json()["decided_by"]) == ("approved", "bo")
    told.now = datetime.now(UTC)
    told.notifier.run()
    assert json.loads(receiver.got[0][2])["data"]["accounts"] == ["mail:li.na@example.com"]
    assert bo.get(f"/api/v1/actions/{action}").json()["state"] == "sent"
    body = json.dumps({"action": action, "state": "done", "result": "disabled"})
    headers = signed("r1", datetime.now(UTC), body, [SECRET])
    done = bo.post(f"/api/v1/actions/{action}/result", content=body, headers=headers)
    assert done.status_code == 204
    shown = bo.get(f"/api/v1/cases/{case}/actions").json()["items"]
    assert [(one["state"], one["result"]) for one in shown] == [("done", "disabled")]
    assert shown[0]["person"].startswith("P")
    assert "li.na" not in json.dumps(shown)


def test_whoever_asks_does_not_approve(client_of: Clients, case: str) -> None:
    ann = client_of(Role.SENIOR_ANALYST, "ann")
    action = ask(client_of, case)
    answer = ann.post(f"/api/v1/actions/{action}/approve", json={"reason": "hurry"})
    assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    junior = client_of(Role.ANALYST, "bo").post(f"/api/v1/actions/{action}/approve", json={"reason": "x"})
    assert junior.status_code == 403
    refused = client_of(Role.SENIOR_ANALYST, "bo").post(f"/api/v1/actions/{action}/refuse", json={"reason": "no"})
    assert refused.json()["state"] == "refused"


def test_nothing_is_done_to_whoever_was_cleared(client_of: Clients, case: str, shop: Shop) -> None:
    bo, action = client_of(Role.SENIOR_ANALYST, "bo"), ask(client_of, case)
    tag = bo.get(f"/api/v1/cases/{case}/work").json()["work"]["tag"]
    verdict = {"verdict": "insufficient", "reason": "a customer asked for it"}
    decided = bo.post(f"/api/v1/cases/{case}/decision", json=verdict, headers={"If-Match": f'"{tag}"'})
    assert decided.status_code == 200, decided.text
    for path, body in ((f"actions/{action}/approve", {"reason": "x"}), (f"cases/{case}/actions", ASKED)):
        answer = bo.post(f"/api/v1/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    assert bo.post(f"/api/v1/actions/{action}/refuse", json={"reason": "x"}).json()["state"] == "refused"


def test_who_may_not_look_at_somebody_knows_of_no_action(client_of: Clients, case: str) -> None:
    action = ask(client_of, case)
    far = {"scope": Scope(departments=frozenset({"elsewhere"}))}
    for given in (far, {"person": "7"}):
        other = client_of(Role.SENIOR_ANALYST, "bo", **given)
        assert other.post(f"/api/v1/cases/{case}/actions", json=ASKED).status_code == 404
        assert other.post(f"/api/v1/actions/{action}/approve", json={"reason": "x"}).status_code == 404
        assert other.get(f"/api/v1/actions/{action}").status_code == 404
        assert other.get(f"/api/v1/cases/{case}/actions").status_code == 404
        assert other.get("/api/v1/actions").json()["items"] == []


def test_lists_are_pages(client_of: Clients, case: str) -> None:
    asked = [ask(client_of, case) for _ in range(5)]
    ann = client_of(Role.ANALYST, "ann")
    found: list[str] = []
    after: str | None = None
    while True:
        page = ann.get("/api/v1/actions", params={"limit": 2} | ({"after": after} if after else {})).json()
        found += [one["id"] for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert found == asked[::-1]
    of_case = ann.get(f"/api/v1/cases/{case}/actions", params={"limit": 2}).json()
    assert [one["id"] for one in of_case["items"]] == found[:2]
    assert of_case["next"]
    assert ann.get("/api/v1/actions", params={"state": "done"}).json() == {"items": [], "next": None}


def test_what_makes_no_sense_is_not_taken(client: TestClient, case: str) -> None:
    for change in [
        {"kind": "format_disk"},
        {"reason": "  "},
        {"reason": "a\0b"},
        {"kind": "playbook"},
        {"playbook": "lock"},
        {"kind": "playbook", "playbook": "../x"},
        {"by": "somebody"},
        {"person": "P01"},
    ]:
        answer = client.post(f"/api/v1/cases/{case}/actions", json=ASKED | change)
        assert answer.status_code == 422
        assert answer.json()["code"] in ("invalid", "unreadable")


def test_what_nobody_does_or_is_not_there(client: TestClient, case: str, shop: Shop) -> None:
    post = client.post
    assert post(f"/api/v1/cases/{case}/actions", json=ASKED | {"kind": "remove_share"}).status_code == 409
    assert post("/api/v1/cases/none/actions", json=ASKED).status_code == 404
    assert post(f"/api/v1/cases/{case}/actions", json=ASKED | {"alert": "other"}).status_code == 404
    alert = shop.records.cases()[0].alerts[0]
    assert post(f"/api/v1/cases/{case}/actions", json=ASKED | {"alert": alert}).status_code == 201
    lock = {"kind": "playbook", "playbook": "lock", "reason": "x"}
    assert post(f"/api/v1/cases/{case}/actions", json=lock).status_code == 201


def test_a_result_is_signed_or_told_by_a_service(client_of: Clients, case: str) -> None:
    action = ask(client_of, case)
    bo = client_of(Role.SENIOR_ANALYST, "bo")
    path = f"/api/v1/actions/{action}/result"
    body = json.dumps({"action": action, "state": "failed"})
    now = datetime.now(UTC)
    right = signed("r1", now, body, [SECRET])
    assert bo.post(path, content=body).status_code == 403
    assert bo.post(path, content=body, headers=signed("r1", now, body, [new_secret()])).status_code == 401
    assert bo.post(path, content=body + " ", headers=right).status_code == 401
    assert bo.post("/api/v1/actions/none/result", content=body, headers=right).status_code == 401
    assert bo.post(path, content=body, headers=right).status_code == 409, "nobody has approved it"
    bo.post(f"/api/v1/actions/{action}/approve", json={"reason": "x"})
    service = client_of(Role.SERVICE, "soar")
    assert service.post(path, content=body).status_code == 204
    assert service.post(path, content=body).status_code == 204, "told twice is told once"
    other = json.dumps({"action": action, "state": "done"})
    assert service.post(path, content=other).status_code == 409
    assert service.post("/api/v1/actions/none/result", json={"action": "none", "state": "done"}).status_code == 404


def test_a_result_that_is_none_is_a_problem(client_of: Clients, case: str) -> None:
    action = ask(client_of, case)
    other, nameless = b'{"action": "x", "state": "done"}', b'{"state": "done"}'
    for body in [b"", b"[]", b"{", other, nameless, b"\xff\xfe", b"[" * 10_000]:
        answer = client_of(Role.SERVICE).post(f"/api/v1/actions/{action}/result", content=body)
        assert answer.status_code == 422
        assert answer.json()["code"] in ("invalid", "unreadable")


def test_a_result_that_is_too_long_is_not_read(client_of: Clients) -> None:
    answer = client_of(Role.SERVICE).post("/api/v1/actions/x/result", content=b"x" * 20_000)
    assert answer.status_code == 413


def test_a_result_of_one_action_is_none_of_another(client_of: Clients, case: str) -> None:
    first, second = ask(client_of, case), ask(client_of, case)
    bo = client_of(Role.SENIOR_ANALYST, "bo")
    for action in (first, second):
        bo.post(f"/api/v1/actions/{action}/approve", json={"reason": "x"})
    body = json.dumps({"action": first, "state": "done"})
    headers = signed("r1", datetime.now(UTC), body, [SECRET])
    assert bo.post(f"/api/v1/actions/{second}/result", content=body, headers=headers).status_code == 422


def test_what_the_configuration_lets_run_needs_nobody_from_a_severity_on(
    client_of: Clients, case: str, shop: Shop, tmp_path: Path, told: Told
) -> None:
    def automatic(least: Severity) -> str:
        known = Actions(automatic=frozenset({ActionKind.DISABLE_ACCOUNT}), automatic_from=least)
        house = House(config=config(tmp_path, actions=known), records=shop.records, events=shop.events)
        shop.notify = NotifyDesk(house, told.channels, told.people)
        ann = client_of(Role.ANALYST, "ann")
        found: str = ann.get(f"/api/v1/actions/{ask(client_of, case)}").json()["state"]
        return found

    alert = shop.records.alert(shop.records.cases()[0].alerts[0])
    assert alert is not None
    assert alert.severity is not Severity.CRITICAL
    assert automatic(alert.severity) == "approved"
    assert automatic(Severity.CRITICAL) == "asked"


def test_looks_at_actions_are_audited(client_of: Clients, case: str, shop: Shop) -> None:
    ask(client_of, case)
    client_of(Role.ANALYST, "chen").get("/api/v1/actions")
    (entry,) = [one for one in shop.records.audited() if one.by == "chen"]
    assert (entry.deed, entry.details["what"]) == (Deed.SAW, "actions")


def test_a_calendar_shows_what_waits_for_whoever_reads_it(client_of: Clients, case: str, told: Told) -> None:
    action = ask(client_of, case)
    bo = client_of(Role.SENIOR_ANALYST, "bo")
    answer = bo.get("/api/v1/deadlines.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    (event,) = Calendar.from_ical(answer.text).walk("VEVENT")
    assert event["uid"] == f"action-{action}@leaverwatch"
    assert event["url"] == f"https://watch.corp/cases/{case}"
    assert "李娜" not in answer.text
    for other in (client_of(Role.ANALYST, "ann"), client_of(Role.SENIOR_ANALYST, "chen", person="7")):
        assert Calendar.from_ical(other.get("/api/v1/deadlines.ics").text).walk("VEVENT") == []


def test_a_secret_address_reads_a_calendar_until_it_is_revoked(client_of: Clients, case: str, told: Told) -> None:
    ask(client_of, case)
    told.people.add("bo", Role.SENIOR_ANALYST, "bo@corp.example")
    bo, nobody = client_of(Role.SENIOR_ANALYST, "bo"), client_of(Role.SERVICE, "nobody")
    url = bo.post("/api/v1/deadlines/address").json()["url"]
    assert url.startswith("https://watch.corp/api/v1/deadlines.ics?token=")
    path = url.removeprefix("https://watch.corp")
    assert len(Calendar.from_ical(nobody.get(path).text).walk("VEVENT")) == 1
    assert nobody.get("/api/v1/deadlines.ics").status_code == 403
    assert nobody.get(path + "x").status_code == 401
    assert bo.delete("/api/v1/deadlines/address").status_code == 204
    assert nobody.get(path).status_code == 401
    again = bo.post("/api/v1/deadlines/address").json()["url"].removeprefix("https://watch.corp")
    told.people.everybody.clear()
    assert nobody.get(again).status_code == 401, "whoever left reads no calendar"
