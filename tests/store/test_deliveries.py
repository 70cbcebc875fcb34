"""Channels, rules and deliveries are kept, and what was told is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from core.access import Role
from core.alert import Severity
from core.errors import Refused
from core.evidence import Deed
from core.happening import Kind
from core.notifying import (
    Channel,
    ChannelKind,
    Delivery,
    DeliveryState,
    Digest,
    Preferences,
    Quiet,
    Replay,
    Rule,
    Timing,
    Tried,
)
from store.records import SqlRecords

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOOK = Channel(
    name="hook",
    kind=ChannelKind.WEBHOOK,
    shown="https://x/****",
    sealed=b"\x00\xff",
    kinds=frozenset({Kind.ALERT_RAISED}),
    actions=frozenset({"playbook:lock"}),
)
RULE = Rule(
    name="r",
    channel="hook",
    kinds=frozenset({Kind.ALERT_RAISED, Kind.CASE_OPENED}),
    roles=frozenset({Role.ANALYST}),
    users=frozenset({"ann"}),
    least=Severity.HIGH,
    departments=frozenset({"销售"}),
    timing=Timing(digest=Digest.DAILY, quiet=Quiet(starts=time(22), ends=time(7), zone="Asia/Shanghai")),
)


def delivery(name: str, minutes: int = 0, channel: str = "hook") -> Delivery:
    at = NOW + timedelta(minutes=minutes)
    return Delivery(id=name, channel=channel, kind="alert.raised", at=at, body="{}", due=at)


def save(records: SqlRecords, *channels: Channel) -> None:
    for channel in channels:
        records.save_channel(channel, by="ann", at=NOW, what="made")


def waiting(records: SqlRecords, at: datetime = NOW + timedelta(days=1)) -> list[str]:
    return [one.id for one in records.due("hook", at, 100)]


def test_channels_rules_and_preferences_are_as_they_were_saved(records: SqlRecords) -> None:
    save(records, HOOK, replace(HOOK, name="a"))
    assert [one.name for one in records.channels()] == ["a", "hook"]
    assert records.channels()[1] == HOOK
    records.save_rule(RULE, by="ann", at=NOW)
    assert records.rules() == [RULE]
    own = Preferences(user="ann", muted=frozenset({Kind.TASK_SET}), language="en", timing=RULE.timing)
    records.save_preferences(own)
    assert records.preferences() == {"ann": own}


def test_a_channel_that_a_rule_uses_stays(records: SqlRecords) -> None:
    with pytest.raises(Refused, match="no channel hook"):
        records.save_rule(RULE, by="ann", at=NOW)
    save(records, HOOK)
    records.save_rule(RULE, by="ann", at=NOW)
    records.plan([delivery("d")], 0)
    with pytest.raises(Refused, match="rules use this channel: r"):
        records.remove_channel("hook", by="ann", at=NOW)
    records.remove_rule("r", by="ann", at=NOW)
    records.remove_channel("hook", by="ann", at=NOW)
    assert (records.channels(), records.rules(), records.deliveries(None, None, 9)) == ([], [], [])


def test_whatever_is_changed_is_in_the_audit_log_without_secrets(records: SqlRecords) -> None:
    save(records, HOOK)
    records.save_rule(RULE, by="bo", at=NOW)
    records.remove_rule("r", by="bo", at=NOW)
    entries = records.audited()
    assert [(one.by, one.deed, one.details["what"]) for one in entries] == [
        ("ann", Deed.SET_NOTIFYING, "made"),
        ("bo", Deed.SET_NOTIFYING, "saved"),
        ("bo", Deed.SET_NOTIFYING, "removed"),
    ]
    assert "sealed" not in str(entries)


def test_what_is_planned_again_stays_as_it_is(records: SqlRecords) -> None:
    save(records, HOOK)
    assert records.planned() is None
    records.plan([delivery("a"), delivery("b", 1)], 5)
    records.tried(Tried(ids=["a"], state=DeliveryState.SENT, at=NOW, message="a"))
    records.plan([delivery("a"), delivery("b", 1)], 5)
    assert records.planned() == 5
    assert waiting(records) == ["b"]


def test_what_failed_waits_until_it_is_due_again(records: SqlRecords) -> None:
    save(records, HOOK)
    records.plan([delivery("a")], 1)
    later = NOW + timedelta(minutes=5)
    records.tried(Tried(ids=["a"], state=DeliveryState.WAITING, at=NOW, note="it answered 500", due=later))
    assert waiting(records, NOW) == []
    (one,) = records.due("hook", later, 9)
    assert (one.attempts, one.note, one.due) == (1, "it answered 500", later)


def test_messages_are_counted_not_lines(records: SqlRecords) -> None:
    save(records, HOOK)
    records.plan([delivery(name) for name in "abc"], 1)
    records.tried(Tried(ids=["a", "b"], state=DeliveryState.SENT, at=NOW, message="m1"))
    records.tried(Tried(ids=["c"], state=DeliveryState.SENT, at=NOW, message="m2"))
    assert records.messages_since("hook", NOW - timedelta(hours=1)) == 2
    assert records.messages_since("hook", NOW) == 0


def test_a_channel_is_turned_off_once_and_that_happens(records: SqlRecords) -> None:
    save(records, HOOK)
    for _ in range(2):
        records.turn_off("hook", "it answered 500", NOW)
    assert (records.channels()[0].enabled, records.channels()[0].why_off) == (False, "it answered 500")
    assert [(one.kind, one.subject) for one in records.happened(-1, 9)] == [(Kind.CHANNEL_OFF, "hook")]


def test_deliveries_are_listed_a_page_at_a_time_the_newest_first(records: SqlRecords) -> None:
    save(records, HOOK)
    records.plan([delivery("a"), delivery("b", 1), delivery("c", 1), delivery("d", 2, "other")], 1)
    first = records.deliveries("hook", None, 2)
    assert [one.id for one in first] == ["c", "b"]
    assert [one.id for one in records.deliveries("hook", (first[-1].at, first[-1].id), 2)] == ["a"]
    assert len(records.deliveries(None, None, 9)) == 4


def test_a_replay_is_of_one_or_of_a_time_and_audited(records: SqlRecords) -> None:
    save(records, HOOK)
    action = replace(delivery("x", 1), action="act")
    records.plan([delivery("a"), delivery("b", 1), delivery("c", 2), action], 1)
    records.tried(Tried(ids=["a", "b", "x"], state=DeliveryState.SENT, at=NOW, message="m"))
    assert records.replay("hook", Replay(delivery="a"), by="ann", at=NOW) == 1
    assert records.replay("hook", Replay(delivery="a"), by="ann", at=NOW) == 0
    since = Replay(since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=2))
    assert records.replay("hook", since, by="ann", at=NOW) == 1
    assert waiting(records) == ["a", "b", "c"]
    assert [one.details["deliveries"] for one in records.audited() if one.deed is Deed.REPLAYED] == [1, 0, 1]


def test_the_log_of_deliveries_stays_small(records: SqlRecords) -> None:
    save(records, HOOK)
    records.plan([delivery(f"{n}", n) for n in range(6)], 1)
    records.tried(Tried(ids=["0", "1", "2", "3", "4"], state=DeliveryState.SENT, at=NOW, message="m"))
    records.forget_deliveries(NOW + timedelta(minutes=1), 100)
    assert [one.id for one in records.deliveries(None, None, 9)] == ["5", "4", "3", "2", "1"]
    records.forget_deliveries(NOW, 2)
    assert [one.id for one in records.deliveries(None, None, 9)] == ["5", "4"]
    records.forget_deliveries(NOW + timedelta(days=9), 0)
    assert waiting(records) == ["5"], "what nobody was told yet never goes"


def test_a_calendar_has_one_address_which_can_be_revoked(records: SqlRecords) -> None:
    records.save_calendar_token("ann", "d1", NOW)
    records.save_calendar_token("ann", "d2", NOW)
    assert (records.calendar_user("d1"), records.calendar_user("d2")) == (None, "ann")
    records.save_calendar_token("ann", None, NOW)
    assert records.calendar_user("d2") is None
