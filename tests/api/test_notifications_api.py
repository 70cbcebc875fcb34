"""Channels and rules over HTTP: secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.paging import cursor
from api.shop import Shop
from app.notifydesk import NotifyDesk
from app.wiring import House
from core.access import Role
from core.evidence import Deed
from core.notifying import DeliveryState
from tests.app.told import Told, config
from tests.notify.receivers import LOCAL, Receiver, receiving

WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=canary-0123"
TOO_EARLY = cursor(("0001-01-01T00:00:00+10:00", "x"))
HOOK = {"name": "hook", "kind": "webhook", "url": "https://hooks.example.com/canary", "kinds": ["alert.raised"]}


@pytest.fixture(autouse=True)
def told(shop: Shop, tmp_path: Path) -> Told:
    """The shop with somebody who notifies."""
    house = House(config=config(tmp_path), records=shop.records, events=shop.events)
    told = Told(house)
    told.now = datetime.now(UTC)
    shop.notify = NotifyDesk(house, told.channels, told.people)
    return told


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_the_secret_of_a_webhook_is_shown_once(client: TestClient) -> None:
    made = client.post("/api/v1/channels", json=HOOK)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    rotated = client.post("/api/v1/channels/hook/rotate", json={})
    assert rotated.json()["secret"] != secret
    seen = [client.get("/api/v1/channels"), client.patch("/api/v1/channels/hook", json={"per_hour": 5})]
    for answer in seen:
        assert "canary" not in answer.text
        assert "whsec" not in answer.text
        assert '"secret":"****"' in answer.text
    assert seen[0].json()["items"][0]["address"] == "https://hooks.example.com/****"


def test_chat_and_mail_channels_have_addresses_of_their_kind(client: TestClient, told: Told) -> None:
    chat = client.post("/api/v1/channels", json={"name": "chat", "kind": "wecom", "url": WECOM})
    assert chat.json()["channel"]["address"] == "https://qyapi.weixin.qq.com/****"
    assert chat.json()["secret"] is None
    wrong = client.post("/api/v1/channels", json={"name": "x", "kind": "wecom", "url": "exec://canary"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "refused")
    assert "canary" not in wrong.text
    mail = client.post("/api/v1/channels", json={"name": "m", "kind": "email", "to": ["soc@corp.example"]})
    assert "smtp_host" in mail.json()["detail"]
    kinds = {"name": "k", "kind": "wecom", "url": WECOM, "kinds": ["alert.raised"]}
    assert client.post("/api/v1/channels", json=kinds).status_code == 409


def test_a_webhook_is_not_led_inside(client: TestClient) -> None:
    for change in [
        {"url": "http://127.0.0.2/"},
        {"url": "https://169.254.169.254/latest"},
        {"url": "https://[::1]/"},
        {"secret": "whsec_chosen"},
    ]:
        assert client.post("/api/v1/channels", json=HOOK | change).status_code == 409, change
        client.post("/api/v1/channels", json=HOOK)
        assert client.patch("/api/v1/channels/hook", json=change).status_code == 409, change


def test_what_cannot_be_is_not_taken(client: TestClient) -> None:
    for change in [
        {"name": "Not A Name"},
        {"name": ""},
        {"kind": "exec"},
        {"kinds": ["nothing"]},
        {"actions": ["format_disk"]},
        {"actions": ["playbook:"]},
        {"per_hour": 0},
        {"to": ["a@b.c\r\nBcc: x@y.z"]},
        {"enabled": "perhaps"},
        {"sealed": "x"},
    ]:
        answer = client.post("/api/v1/channels", json=HOOK | change)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), change


def test_a_channel_is_tried_listed_and_told_again(client: TestClient, told: Told, receiver: Receiver) -> None:
    told.hook(receiver.port)
    assert client.post("/api/v1/channels/hook/test").status_code == 204
    told.happen("a1", "a2")
    told.notifier.run()
    first = client.get("/api/v1/channels/hook/deliveries", params={"limit": 1}).json()
    second = client.get("/api/v1/channels/hook/deliveries", params={"after": first["next"]}).json()
    assert second["next"] is None
    ids = [one["id"] for page in (first, second) for one in page["items"]]
    assert {one.id for one in told.deliveries()} == set(ids)
    assert client.post("/api/v1/channels/hook/replay", json={"delivery": ids[0]}).json() == {"deliveries": 1}
    since = (told.now - timedelta(minutes=1)).isoformat()
    assert client.post("/api/v1/channels/hook/replay", json={"since": since}).json() == {"deliveries": 1}
    for wrong in ({}, {"since": "0001-01-01T00:00:00+10:00"}, {"since": "2026-03-02T09:30:00"}):
        assert client.post("/api/v1/channels/hook/replay", json=wrong).status_code == 422
    assert set(told.states().values()) == {DeliveryState.WAITING}
    told.now = datetime.now(UTC)
    told.notifier.run()
    assert len(receiver.got) == 5
    receiver.fails(1)
    failed = client.post("/api/v1/channels/hook/test")
    assert (failed.status_code, failed.json()["detail"]) == (503, "it answered 500")


def test_a_cursor_that_is_none_of_ours_is_a_problem(client: TestClient, told: Told) -> None:
    told.hook(1)
    for after in ["x", "W10", "WzEsMl0", "WyJub3QgYSB0aW1lIiwgIngiXQ", TOO_EARLY]:
        answer = client.get("/api/v1/channels/hook/deliveries", params={"after": after})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad-cursor"), after


def test_a_rule_names_a_channel_that_is_there(client: TestClient, told: Told) -> None:
    rule = {
        "channel": "chat",
        "kinds": ["alert.raised"],
        "roles": ["analyst"],
        "least": "high",
        "timing": {
            "digest": "daily",
            "daily_at": "08:30",
            "zone": "Asia/Shanghai",
            "quiet": {"starts": "22:00", "ends": "07:00", "zone": "Asia/Shanghai"},
        },
    }
    assert client.put("/api/v1/notification-rules/night", json=rule).status_code == 409
    client.post("/api/v1/channels", json={"name": "chat", "kind": "wecom", "url": WECOM})
    saved = client.put("/api/v1/notification-rules/night", json=rule)
    assert saved.status_code == 200
    assert client.get("/api/v1/notification-rules").json()["items"] == [saved.json()]
    assert saved.json()["timing"]["quiet"]["critical_passes"] is True
    assert client.delete("/api/v1/channels/chat").status_code == 409
    assert client.delete("/api/v1/notification-rules/night").status_code == 204
    assert client.delete("/api/v1/notification-rules/night").status_code == 404
    assert client.delete("/api/v1/channels/chat").status_code == 204
    assert client.delete("/api/v1/channels/chat").status_code == 404


def test_a_rule_that_makes_no_sense_is_not_taken(client: TestClient) -> None:
    for change in [
        {"kinds": []},
        {"timing": {"zone": "Nowhere/Land"}},
        {"timing": {"zone": "../../etc/passwd"}},
        {"timing": {"digest": "never"}},
        {"timing": {"quiet": {"starts": "25:00", "ends": "07:00"}}},
        {"users": [" "]},
        {"least": "worst"},
        {"by": "me"},
    ]:
        rule = {"channel": "chat", "kinds": ["alert.raised"], "roles": ["analyst"]} | change
        assert client.put("/api/v1/notification-rules/r", json=rule).status_code == 422, change


def test_everybody_has_their_own_preferences(client_of: Callable[..., TestClient]) -> None:
    ann, bo = client_of(Role.ANALYST, "ann"), client_of(Role.HR, "bo")
    nothing = {"muted": [], "language": None, "timing": None}
    assert ann.get("/api/v1/notifications/mine").json() == nothing
    saved = ann.put("/api/v1/notifications/mine", json={"muted": ["task.set"], "timing": {"digest": "hourly"}})
    assert saved.status_code == 200
    assert ann.get("/api/v1/notifications/mine").json() == saved.json()
    assert bo.get("/api/v1/notifications/mine").json() == nothing


def test_only_admins_manage_channels(client_of: Callable[..., TestClient]) -> None:
    for role, expected in ((Role.ADMIN, 200), (Role.SENIOR_ANALYST, 403)):
        client = client_of(role)
        assert client.get("/api/v1/channels").status_code == expected
        assert client.get("/api/v1/notification-rules").status_code == expected


def test_changes_are_in_the_audit_log(client: TestClient, shop: Shop) -> None:
    client.post("/api/v1/channels", json=HOOK)
    client.patch("/api/v1/channels/hook", json={"enabled": False})
    client.post("/api/v1/channels/hook/rotate", json={"overlap_hours": 0})
    found = [one for one in shop.records.audited() if one.deed is Deed.SET_NOTIFYING]
    assert [(one.by, one.details["what"]) for one in found] == [
        ("api", what) for what in ("made", "changed", "rotated")
    ]
    assert "canary" not in repr(found)


def test_without_anybody_who_notifies_the_service_says_so(client: TestClient, shop: Shop) -> None:
    shop.notify = None
    assert client.post("/api/v1/channels", json=HOOK).json()["code"] == "no-notifications"


def test_a_name_that_is_none_is_not_found_or_invalid(client: TestClient) -> None:
    for path in ("/api/v1/channels/none/test", "/api/v1/channels/none/rotate"):
        assert client.post(path, json={}).status_code == 404
    assert client.get(f"/api/v1/channels/{'x' * 99}/deliveries").status_code == 422
    assert client.post(f"http://{LOCAL}/api/v1/channels/none/replay", json={"delivery": "x"}).status_code == 404
