"""What others are asked to do about a person in a case: one person asks, another one approves, a system outside does
it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from core.errors import Refused

APPROVED_WITHIN = timedelta(days=3)
DONE_WITHIN = timedelta(days=1)


class ActionKind(StrEnum):
    SUSPEND_EXPORT = "suspend_export"
    REVOKE_SESSIONS = "revoke_sessions"
    DISABLE_ACCOUNT = "disable_account"
    REMOVE_SHARE = "remove_share"
    COLLECT_DEVICE = "collect_device"
    PLAYBOOK = "playbook"


class ActionState(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """`playbook` names what is to be done where `kind` is one; `alert` is the alert of the case that gave rise to it.
    Nothing of it says who the person is: that is looked up when it is sent. After `expires` nobody may go on with it
    who has not; `result` is what the system outside said."""

    id: str
    kind: ActionKind
    case: str
    person: str
    reason: str
    asked_by: str
    asked: datetime
    expires: datetime
    playbook: str = ""
    alert: str = ""
    state: ActionState = ActionState.ASKED
    decided_by: str = ""
    decided: datetime | None = None
    decision: str = ""
    changed: datetime | None = None
    result: str = ""

    @property
    def what(self) -> str:
        """What channels say they do: the kind, or `playbook:<name>`."""
        return f"playbook:{self.playbook}" if self.kind is ActionKind.PLAYBOOK else self.kind.value


NEXT: Mapping[ActionState, frozenset[ActionState]] = {
    ActionState.ASKED: frozenset({ActionState.APPROVED, ActionState.REFUSED, ActionState.EXPIRED}),
    ActionState.APPROVED: frozenset({ActionState.SENT, ActionState.DONE, ActionState.FAILED, ActionState.EXPIRED}),
    ActionState.SENT: frozenset({ActionState.DONE, ActionState.FAILED, ActionState.EXPIRED}),
    # The system outside may be late, and what it did is to be known.
    ActionState.EXPIRED: frozenset({ActionState.DONE, ActionState.FAILED}),
}
OPEN = frozenset({ActionState.ASKED, ActionState.APPROVED, ActionState.SENT})


def decided(action: Action, state: ActionState, *, by: str, at: datetime, why: str) -> Action:
    """Approved or refused by somebody. Raises `Refused` where that is who asked for it, or it is too late."""
    if by.strip().casefold() == action.asked_by.strip().casefold():
        raise Refused("whoever asked for an action does not decide it: somebody else has to")
    if action.state is ActionState.ASKED and action.expires <= at:
        raise Refused("it is too late to decide this action: ask for it anew")
    moved_on = moved(action, state, at=at)
    return replace(moved_on, decided_by=by, decided=at, decision=why, expires=at + DONE_WITHIN)


def moved(action: Action, state: ActionState, *, at: datetime, result: str = "") -> Action:
    """Another state. Raises `Refused` where it cannot become that; an expired action that nobody approved is over."""
    unapproved = action.state is ActionState.EXPIRED and action.decided is None
    if unapproved or state not in NEXT.get(action.state, frozenset()):
        raise Refused(f"this action is {action.state.value}: it cannot become {state.value}")
    return replace(action, state=state, changed=at, result=result or action.result)


class Actions(Protocol):
    """Response actions. Whatever becomes of one happens, and is noted in the audit log, in the same transaction."""

    def ask_for(self, action: Action, *, automatic: bool = False) -> Action:
        """A new one, asked for; `automatic` is approved at once, by the configuration alone. Raises `Refused` where no
        channel that is on does it."""

    def decide_action(self, action_id: str, state: ActionState, *, by: str, at: datetime, why: str) -> Action:
        """See `decided`. What is approved is to be delivered. Raises `Refused`, also where there is none such."""

    def move_action(self, action_id: str, state: ActionState, *, by: str, at: datetime, result: str = "") -> Action:
        """See `moved`. The same state and result once more changes nothing."""

    def action(self, action_id: str) -> Action | None: ...

    def actions(
        self,
        *,
        case: str | None = None,
        states: frozenset[ActionState] | None = None,
        after: tuple[datetime, str] | None = None,
        most: int | None = None,
    ) -> Sequence[Action]:
        """The newest first, by (asked, id); those that come after one."""

    def expire_actions(self, at: datetime) -> int:
        """Those that nobody went on with in time are over; returns how many."""
