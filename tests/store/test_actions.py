"""Actions are asked for by one person, approved by another, and everything about them is on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.action import APPROVED_WITHIN, DONE_WITHIN, Action, ActionKind, ActionState
from core.errors import Refused
from core.evidence import Deed
from core.notifying import Channel, ChannelKind
from store.records import SqlRecords

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DOES = Channel(
    name="idp",
    kind=ChannelKind.WEBHOOK,
    shown="https://x/****",
    sealed=b"",
    actions=frozenset({"disable_account", "playbook:lock"}),
)
ACTION = Action(
    id="a1",
    kind=ActionKind.DISABLE_ACCOUNT,
    case="c1",
    person="li.na",
    reason="mass export",
    asked_by="ann",
    asked=NOW,
    expires=NOW + APPROVED_WITHIN,
)


@pytest.fixture
def asked(records: SqlRecords) -> SqlRecords:
    records.save_channel(DOES, by="admin", at=NOW, what="made")
    records.ask_for(ACTION)
    return records


def approve(records: SqlRecords, by: str = "bo", at: datetime = LATER) -> Action:
    return records.decide_action("a1", ActionState.APPROVED, by=by, at=at, why="seen it")


def test_whoever_asked_does_not_approve_however_the_name_is_written(asked: SqlRecords) -> None:
    for name in ("ann", " Ann ", "ANN"):
        for state in (ActionState.APPROVED, ActionState.REFUSED):
            with pytest.raises(Refused, match="somebody else has to"):
                asked.decide_action("a1", state, by=name, at=LATER, why="")
    assert asked.deliveries(None, None, 9) == []


def test_what_is_approved_is_to_be_delivered_once(asked: SqlRecords) -> None:
    action = approve(asked)
    assert (action.state, action.decided_by, action.expires) == (ActionState.APPROVED, "bo", LATER + DONE_WITHIN)
    with pytest.raises(Refused, match="is approved"):
        approve(asked, "chen")
    (delivery,) = asked.due("idp", LATER, 9)
    assert (delivery.action, delivery.kind, delivery.body) == ("a1", "action.disable_account", "")


def test_what_is_refused_goes_nowhere(asked: SqlRecords) -> None:
    asked.decide_action("a1", ActionState.REFUSED, by="bo", at=LATER, why="too much")
    assert asked.due("idp", LATER, 9) == []
    with pytest.raises(Refused):
        approve(asked, "chen")


def test_everything_happens_and_is_audited(asked: SqlRecords) -> None:
    approve(asked)
    asked.move_action("a1", ActionState.SENT, by="leaverwatch", at=LATER)
    asked.move_action("a1", ActionState.DONE, by="webhook", at=LATER, result="disabled")
    states = ["asked", "approved", "sent", "done"]
    assert [one.kind.value for one in asked.happened(-1, 9)] == [f"action.{state}" for state in states]
    entries = [one for one in asked.audited("li.na") if one.deed is Deed.ACTED]
    assert [(one.by, one.details["state"]) for one in entries] == list(
        zip(["ann", "bo", "leaverwatch", "webhook"], states, strict=True)
    )
    assert [entry.why for entry in entries[:2]] == ["mass export", "seen it"]


def test_a_result_told_twice_is_told_once_and_another_one_is_refused(asked: SqlRecords) -> None:
    approve(asked)
    for _ in range(2):
        asked.move_action("a1", ActionState.DONE, by="webhook", at=LATER, result="disabled")
    with pytest.raises(Refused, match="is done"):
        asked.move_action("a1", ActionState.FAILED, by="webhook", at=LATER, result="no")
    assert len(asked.happened(-1, 9)) == 3


def test_nobody_does_it_before_it_is_approved(asked: SqlRecords) -> None:
    with pytest.raises(Refused, match="is asked"):
        asked.move_action("a1", ActionState.DONE, by="webhook", at=LATER)
    with pytest.raises(Refused, match="no action nothing"):
        asked.decide_action("nothing", ActionState.APPROVED, by="bo", at=LATER, why="")


def test_what_nobody_goes_on_with_expires_and_a_late_result_is_still_known(asked: SqlRecords) -> None:
    asked.ask_for(replace(ACTION, id="a2"))
    approve(asked)
    assert asked.expire_actions(LATER) == 0
    assert asked.expire_actions(NOW + APPROVED_WITHIN) == 2
    states = {one.id: one.state for one in asked.actions()}
    assert states == {"a1": ActionState.EXPIRED, "a2": ActionState.EXPIRED}
    with pytest.raises(Refused):
        asked.decide_action("a2", ActionState.APPROVED, by="bo", at=LATER, why="")
    with pytest.raises(Refused):
        asked.move_action("a2", ActionState.DONE, by="webhook", at=LATER)
    assert asked.move_action("a1", ActionState.DONE, by="webhook", at=LATER).state is ActionState.DONE


def test_it_is_too_late_to_approve_what_has_expired_though_nobody_has_looked(asked: SqlRecords) -> None:
    with pytest.raises(Refused, match="too late"):
        approve(asked, at=NOW + APPROVED_WITHIN)


def test_what_no_channel_does_is_refused(asked: SqlRecords) -> None:
    with pytest.raises(Refused, match="does collect_device"):
        asked.ask_for(replace(ACTION, id="a3", kind=ActionKind.COLLECT_DEVICE))
    with pytest.raises(Refused, match="does playbook:other"):
        asked.ask_for(replace(ACTION, id="a3", kind=ActionKind.PLAYBOOK, playbook="other"))
    asked.ask_for(replace(ACTION, id="a3", kind=ActionKind.PLAYBOOK, playbook="lock"))
    asked.turn_off("idp", "gone", NOW)
    with pytest.raises(Refused, match="no channel that is on"):
        approve(asked)


def test_what_runs_by_itself_says_so(asked: SqlRecords) -> None:
    action = asked.ask_for(replace(ACTION, id="a2"), automatic=True)
    assert (action.state, action.decided_by) == (ActionState.APPROVED, "[actions] automatic")
    assert [one.action for one in asked.due("idp", NOW, 9)] == ["a2"]


def test_actions_are_listed_the_newest_first(asked: SqlRecords) -> None:
    asked.ask_for(replace(ACTION, id="a2", asked=LATER, case="c2"))
    assert [one.id for one in asked.actions()] == ["a2", "a1"]
    assert [one.id for one in asked.actions(after=(LATER, "a2"))] == ["a1"]
    assert [one.id for one in asked.actions(case="c2")] == ["a2"]
    assert asked.actions(states=frozenset({ActionState.DONE})) == []
    assert asked.action("a1") == ACTION
