"""What happens is told, by webhooks, mail and chat, once, whatever breaks."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from access.noting import changed
from access.sealing import Sealer
from app.channels import Channels
from app.entrance import sealer_of
from app.wiring import open_house
from core.access import Permission, Role
from core.errors import Damaged
from core.happening import Kind
from core.keyring import Keys
from core.notifying import Address, ChannelKind, DeliveryState, Digest, Preferences, Replay, Rule, Timing, Tried
from core.users import Invitation, User
from notify.timing import RETRIES
from tests.app.told import SECRET, Told, config
from tests.notify.receivers import LOCAL, Receiver, receiving
from tests.notify.test_mail import Box, serving

FEISHU = "https://open.feishu.cn/open-apis/bot/v2/hook/canary-0123"
RULE = Rule(
    name="r",
    channel="mail",
    kinds=frozenset({Kind.ALERT_RAISED}),
    roles=frozenset({Role.ANALYST}),
    language="en",
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with open_house(config(tmp_path)) as house:
        yield Told(house)


def subjects(receiver: Receiver) -> list[str]:
    return [json.loads(body)["data"]["subject"] for _, _, body in receiver.got]


def ids(receiver: Receiver) -> list[str]:
    return [headers["webhook-id"] for _, headers, _ in receiver.got]


def test_a_webhook_is_told_once_and_signed(told: Told, receiver: Receiver) -> None:
    told.now = datetime.now(UTC)
    told.hook(receiver.port)
    told.happen("a1")
    told.notifier.run()
    told.notifier.run()
    told.another().run()
    ((path, headers, body),) = receiver.got
    said = Webhook(SECRET).verify(body, headers)
    assert (path, said["type"], said["data"]["subject"]) == ("/in", "alert.raised", "a1")
    assert said["data"]["person"].startswith("P")
    assert "李娜" not in body.decode()
    assert "li.na" not in body.decode()


def test_only_what_it_asked_for_and_nothing_from_before(told: Told, receiver: Receiver) -> None:
    told.happen("before")
    told.notifier.plan()
    told.hook(receiver.port)
    told.happen("a1")
    told.happen("c1", kind=Kind.CASE_OPENED)
    told.notifier.run()
    assert subjects(receiver) == ["a1"]


def test_what_fails_is_tried_again_as_the_specification_says_and_then_the_channel_is_off(
    told: Told, receiver: Receiver
) -> None:
    told.hook(receiver.port)
    told.happen("a1")
    receiver.fails(len(RETRIES) + 1)
    told.notifier.run()
    for tries, wait in enumerate(RETRIES, start=1):
        told.later(seconds=wait - 1)
        told.notifier.run()
        assert len(receiver.got) == tries, "not before its time"
        told.later(seconds=1)
        told.notifier.run()
        assert len(receiver.got) == tries + 1
    (channel,) = told.house.records.channels()
    assert (channel.enabled, channel.why_off) == (False, "it answered 500")
    assert list(told.states().values()) == [DeliveryState.FAILED]
    assert Kind.CHANNEL_OFF in [one.kind for one in told.house.records.happened(-1, 99)]
    assert len(set(ids(receiver))) == 1


def test_what_waits_for_a_channel_that_is_off_goes_when_it_is_on_again(told: Told, receiver: Receiver) -> None:
    told.hook(receiver.port)
    receiver.fails(1, 410)
    told.happen("a1", "a2")
    told.notifier.run()
    assert len(receiver.got) == 1, "gone for good: off at once"
    told.notifier.run()
    assert len(receiver.got) == 1
    told.turn_on("hook")
    told.notifier.run()
    assert len(receiver.got) == 2
    replayed = told.house.records.replay("hook", Replay(since=told.now), by="admin", at=told.now)
    told.notifier.run()
    assert replayed == 2
    assert {*ids(receiver)} == {*told.states()}


def test_while_one_channel_fails_the_others_are_told(told: Told, receiver: Receiver) -> None:
    with receiving() as other:
        told.hook(receiver.port, "a")
        told.hook(other.port, "b")
        receiver.fails(1)
        told.happen("a1", "a2")
        told.notifier.run()
        assert (len(receiver.got), subjects(other)) == (1, ["a1", "a2"])
        told.notifier.run()
        told.later(seconds=5)
        told.notifier.run()
    assert sorted(subjects(receiver)[1:]) == ["a1", "a2"]


def test_a_crash_between_sending_and_remembering_sends_again_under_the_same_id(
    told: Told, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.hook(receiver.port)
    told.happen("a1")

    def crash(tried: Tried) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(told.house.records, "tried", crash)
        with pytest.raises(KeyboardInterrupt):
            told.notifier.run()
    told.another().run()
    assert len(receiver.got) == 2
    assert len(set(ids(receiver))) == 1
    assert receiver.got[0][2] == receiver.got[1][2]


def test_a_crash_while_planning_neither_loses_nor_doubles(
    told: Told, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.hook(receiver.port)
    told.happen("a1", "a2")
    with monkeypatch.context() as broken:
        broken.setattr(told.notifier, "send", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            told.notifier.run()
    told.another().run()
    assert sorted(subjects(receiver)) == ["a1", "a2"]


def test_while_another_process_is_at_it_nobody_else_is(told: Told, receiver: Receiver) -> None:
    told.hook(receiver.port)
    told.happen("a1")
    with told.house.records.unless_done("notify") as mine:
        assert mine
        told.notifier.run()
    assert receiver.got == []


def test_many_happenings_are_planned_a_page_at_a_time(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.notifying.AT_ONCE", 3)
    told.hook(1)
    told.happen(*(f"a{n}" for n in range(7)))
    told.happen("c", kind=Kind.CASE_OPENED)
    told.notifier.plan()
    assert len(told.deliveries()) == 7
    assert told.house.records.planned() == told.house.records.last_happening()


@pytest.fixture
def posted(tmp_path: Path) -> Iterator[tuple[Told, Box]]:
    """A house with a mail server."""
    box = Box()
    with ExitStack() as stack:
        port = stack.enter_context(serving(box))
        mail = {"smtp_host": LOCAL, "smtp_port": port, "smtp_tls": "none", "smtp_from": "watch@corp.example"}
        told = Told(stack.enter_context(open_house(config(tmp_path, notify=mail))))
        told.channel("mail", ChannelKind.EMAIL, Address())
        told.house.records.save_rule(RULE, by="admin", at=told.now)
        told.people.add("ann", Role.ANALYST, "ann@corp.example")
        yield told, box


def test_mail_goes_to_whoever_has_the_role(posted: tuple[Told, Box]) -> None:
    told, box = posted
    told.people.add("hr", Role.HR, "hr@corp.example")
    told.happen("a1")
    told.notifier.run()
    ((to, mail),) = box.got
    assert to == ["ann@corp.example"]
    assert mail["subject"].startswith("[high] New alert: Mass export of customer records (P")


def test_whose_account_it_is_gets_mail_without_any_rule(posted: tuple[Told, Box]) -> None:
    told, box = posted
    records = told.house.records
    records.remove_rule(RULE.name, by="admin", at=told.now)
    noted = changed("boss", "ann", told.now, "test")
    told.people.add("boss", Role.ADMIN, "boss@corp.example")
    records.add_user(User(name="ann", roles=frozenset({Role.ANALYST}), created=told.now), noted)
    records.set_password("ann", "hash", None)
    records.invite(Invitation(digest="d", user="ann", expires=told.now), noted)
    told.notifier.run()
    ((to, mail),) = box.got
    assert to == ["ann@corp.example"]
    assert mail["subject"].startswith("An admin made a link")


def test_what_one_is_told_at_the_same_time_is_one_mail(posted: tuple[Told, Box]) -> None:
    told, box = posted
    told.house.records.save_rule(
        replace(RULE, timing=Timing(digest=Digest.DAILY, daily_at=time(18))), by="admin", at=told.now
    )
    told.happen("a1", "a2", "a3")
    told.notifier.run()
    assert box.got == []
    told.later(hours=9)
    told.notifier.run()
    ((_, mail),) = box.got
    assert mail["subject"] == "leaverwatch: 3 notifications"
    assert len(mail.get_content().splitlines()) == 3


def test_whoever_may_not_know_of_it_any_more_is_not_told_in_the_digest(posted: tuple[Told, Box]) -> None:
    told, box = posted
    daily = replace(RULE, timing=Timing(digest=Digest.DAILY, daily_at=time(18)))
    told.house.records.save_rule(daily, by="admin", at=told.now)
    told.happen("a1")
    told.notifier.run()
    (member,) = told.people.everybody
    without = replace(member.caller, permissions=member.caller.permissions - {Permission.READ_ALERTS})
    told.people.everybody = [replace(member, caller=without)]
    told.later(hours=9)
    told.notifier.run()
    assert box.got == []
    assert list(told.states().values()) == [DeliveryState.FAILED]


def test_what_is_critical_does_not_wait_for_the_digest_and_preferences_win(posted: tuple[Told, Box]) -> None:
    told, box = posted
    own = Preferences(user="ann", timing=Timing(digest=Digest.HOURLY), language="zh")
    told.house.records.save_preferences(own)
    told.happen("a1")
    told.happen("a2", severity="critical")
    told.notifier.run()
    assert [mail["subject"][:4] for _, mail in box.got] == ["[严重]"]
    told.later(hours=1)
    told.notifier.run()
    assert len(box.got) == 2


def test_more_than_a_channel_may_send_goes_together_later(posted: tuple[Told, Box]) -> None:
    told, box = posted
    told.channel("mail", ChannelKind.EMAIL, Address(), per_hour=2)
    for name in ("a1", "a2", "a3", "a4"):
        told.happen(name)
        told.notifier.run()
    assert len(box.got) == 2
    told.later(minutes=61)
    told.notifier.run()
    assert box.got[2][1]["subject"] == "leaverwatch: 2 notifications"
    assert set(told.states().values()) == {DeliveryState.SENT}


def test_whoever_left_is_not_told_and_one_bad_address_stops_nobody(posted: tuple[Told, Box]) -> None:
    told, box = posted
    told.people.add("aa", Role.ANALYST, "nobody@corp.example")
    told.people.add("gone", Role.ANALYST, "gone@corp.example")
    told.happen("a1")
    told.notifier.plan()
    told.people.everybody.pop()
    told.notifier.run()
    assert [to for to, _ in box.got] == [["ann@corp.example"]]
    assert {one.recipient: one.state.value for one in told.deliveries()} == {
        "aa": "failed",
        "ann": "sent",
        "gone": "failed",
    }
    assert told.house.records.channels()[0].enabled


def test_old_deliveries_and_happenings_go_and_what_waits_stays(told: Told, receiver: Receiver) -> None:
    told.hook(receiver.port)
    told.happen("a1")
    told.notifier.run()
    told.later(days=31)
    told.happen("a2")
    told.another().run()
    assert len(told.deliveries()) == 1
    assert [one.subject for one in told.house.records.happened(-1, 9)] == ["a2"]


def test_secrets_are_sealed_and_appear_nowhere(
    told: Told, receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        told.channel("hook", ChannelKind.WEBHOOK, Address(url=f"http://{LOCAL}:{receiver.port}/canary", secret=SECRET),
                     kinds=frozenset({Kind.ALERT_RAISED}))  # fmt: skip
        told.channel("dead", ChannelKind.WEBHOOK, Address(url=f"http://{LOCAL}:1/canary", secret=SECRET),
                     kinds=frozenset({Kind.ALERT_RAISED}))  # fmt: skip
        told.channel("chat", ChannelKind.FEISHU, Address(url=FEISHU))
        told.happen("a1")
        receiver.fails(1)
        told.notifier.run()
    assert len(receiver.got) == 1
    records = told.house.records
    shown = [repr(logs), caplog.text, repr(told.deliveries()), repr(records.audited()), repr(records.channels())]
    shown += [(tmp_path / "records.db").read_bytes().decode("latin-1")]
    shown += [path.read_bytes().decode("latin-1") for path in tmp_path.glob("records.db-wal")]
    for text in shown:
        assert "canary" not in text
        assert SECRET.removeprefix("whsec_") not in text


def test_the_key_is_the_owners_alone_and_another_one_opens_nothing(told: Told, receiver: Receiver) -> None:
    key = told.house.config.data / "access.key"
    assert key.stat().st_mode & 0o777 == 0o600
    told.hook(receiver.port)
    (channel,) = told.house.records.channels()
    assert (
        Channels(told.house.config, sealer_of(told.house.config, told.house.records)).address(channel).secret == SECRET
    )
    with pytest.raises(Damaged, match="access key"):
        Channels(told.house.config, Sealer(Keys([b"0" * 32], "test"))).address(channel)
    with pytest.raises(Damaged):
        told.channels.address(replace(channel, name="other"))


def test_a_process_with_another_key_spoils_nothing(told: Told, receiver: Receiver) -> None:
    told.hook(receiver.port)
    told.happen("a1")
    right = told.channels
    told.channels = Channels(told.house.config, Sealer(Keys([b"0" * 32], "test")))
    told.another().run()
    assert [one.attempts for one in told.deliveries()] == [0]
    told.channels = right
    told.another().run()
    assert subjects(receiver) == ["a1"]
