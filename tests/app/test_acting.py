"""What was approved is done by the system outside, which is told who it is about; nobody else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from app.wiring import open_house
from core.action import APPROVED_WITHIN, Action, ActionKind, ActionState
from core.errors import Refused
from core.notifying import ChannelChange, ChannelKind, DeliveryState
from notify.timing import RETRIES
from notify.webhook import signed
from tests.app.told import SECRET, Told, config
from tests.notify.receivers import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def told(tmp_path: Path, receiver: Receiver) -> Iterator[Told]:
    with open_house(config(tmp_path)) as house:
        told = Told(house)
        told.hook(receiver.port, "idp", kinds=frozenset(), actions=frozenset({"disable_account"}))
        yield told


def ask(told: Told, name: str = "act1") -> None:
    told.house.records.ask_for(
        Action(
            id=name,
            kind=ActionKind.DISABLE_ACCOUNT,
            case="c1",
            person="7",
            reason="mass export",
            asked_by="ann",
            asked=told.now,
            expires=told.now + APPROVED_WITHIN,
            alert="a1",
        )
    )


def approve(told: Told, name: str = "act1") -> None:
    told.house.records.decide_action(name, ActionState.APPROVED, by="bo", at=told.now, why="seen")


def state(told: Told, name: str = "act1") -> ActionState:
    action = told.house.records.action(name)
    assert action is not None
    return action.state


def test_nothing_goes_out_before_somebody_approves(told: Told, receiver: Receiver) -> None:
    ask(told)
    told.notifier.run()
    assert receiver.got == []


def test_the_account_stands_in_what_is_sent_and_nowhere_else(told: Told, receiver: Receiver) -> None:
    told.now = datetime.now(UTC)
    ask(told)
    approve(told)
    told.notifier.run()
    ((_, headers, body),) = receiver.got
    said = Webhook(SECRET).verify(body, headers)
    assert said["type"] == "action.disable_account"
    data = said["data"]
    assert data["accounts"] == ["mail:li.na@example.com"]
    assert (data["action"], data["case"], data["alert"], data["approved_by"]) == ("act1", "c1", "a1", "bo")
    assert data["person"].startswith("P")
    assert data["result"] == "https://watch.corp/api/v1/actions/act1/result"
    assert state(told) is ActionState.SENT
    records = told.house.records
    for kept in (records.deliveries(None, None, 9), records.audited(), records.actions(), records.happened(-1, 99)):
        assert "li.na" not in repr(kept)


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (b'{"state": "done", "result": "disabled"}', ActionState.DONE),
        (b'{"state": "failed", "result": "no such account"}', ActionState.FAILED),
        (b'{"state": "running"}', ActionState.SENT),
        (b'{"state": ["done"]}', ActionState.SENT),
        (b"[" * 5000, ActionState.SENT),
        (b"<html>", ActionState.SENT),
        (b"", ActionState.SENT),
    ],
)
def test_an_answer_may_say_how_it_ended(told: Told, receiver: Receiver, answer: bytes, ends: ActionState) -> None:
    receiver.answers = [(200, answer, {})]
    ask(told)
    approve(told)
    told.notifier.run()
    assert state(told) is ends


def test_what_cannot_be_delivered_has_failed(told: Told, receiver: Receiver) -> None:
    receiver.fails(len(RETRIES) + 1)
    ask(told)
    approve(told)
    told.notifier.run()
    for wait in RETRIES:
        told.later(seconds=wait)
        told.notifier.run()
    assert state(told) is ActionState.FAILED
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert len({body for _, _, body in receiver.got}) == 1


def test_what_expired_meanwhile_is_not_sent(told: Told, receiver: Receiver) -> None:
    receiver.fails(1)
    ask(told)
    approve(told)
    told.notifier.run()
    told.later(days=1)
    told.house.records.expire_actions(told.now)
    told.notifier.run()
    assert len(receiver.got) == 1
    assert state(told) is ActionState.EXPIRED
    assert list(told.states().values()) == [DeliveryState.FAILED]


def test_a_crash_after_sending_sends_it_again_under_the_same_id(
    told: Told, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(told)
    approve(told)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(told.house.records, "move_action", crash)
        with pytest.raises(KeyboardInterrupt):
            told.notifier.run()
    told.another().run()
    assert len(receiver.got) == 2
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert list(told.states().values()) == [DeliveryState.SENT]


def test_a_result_is_believed_by_its_signature(told: Told) -> None:
    ask(told)
    body = json.dumps({"action": "act1", "state": "done"}).encode()
    right = signed("r1", datetime.now(UTC), body.decode(), [SECRET])
    assert told.desk.is_result("act1", right, body)
    assert not told.desk.is_result("act1", right, body + b" ")
    assert not told.desk.is_result("other", right, body)
    assert not told.desk.is_result("act1", {}, body)


def test_nothing_runs_by_itself_unless_the_configuration_says_so(tmp_path: Path, told: Told) -> None:
    action = Action(
        id="x", kind=ActionKind.DISABLE_ACCOUNT, case="c", person="7", reason="r", asked_by="ann", asked=told.now,
        expires=told.now,
    )  # fmt: skip
    assert not told.desk.is_automatic(action)


def test_a_webhook_makes_its_own_secret_and_changes_it(told: Told) -> None:

    change = ChannelChange(url="https://hooks.example.com/in")
    channel, secret = told.desk.make_channel("new", ChannelKind.WEBHOOK, change, by="admin")
    assert (channel.shown, told.channels.address(channel).secret) == ("https://hooks.example.com/****", secret)
    fresh = told.desk.rotate(channel, timedelta(hours=1), by="admin")
    (kept,) = [one for one in told.house.records.channels() if one.name == "new"]
    assert told.channels.address(kept).keys(datetime.now(UTC)) == (fresh, secret)
    with pytest.raises(Refused, match="already"):
        told.desk.make_channel("new", ChannelKind.WEBHOOK, change, by="admin")
    with pytest.raises(Refused, match="allow_networks"):
        told.desk.make_channel("in", ChannelKind.WEBHOOK, ChannelChange(url="https://10.0.0.1/"), by="admin")
