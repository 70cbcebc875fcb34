"""What happened that somebody may want to be told of: one list, in order, that notifications, webhooks, forwarding and
live views all read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class Kind(StrEnum):
    ALERT_RAISED = "alert.raised"
    ALERT_CHANGED = "alert.changed"
    ALERT_GONE = "alert.gone"
    CASE_OPENED = "case.opened"
    CASE_MOVED = "case.moved"
    CASE_ASSIGNED = "case.assigned"
    CASE_COMMENTED = "case.commented"
    CASE_DECIDED = "case.decided"
    CASE_DUE = "case.due"
    CASE_OVERDUE = "case.overdue"
    TASK_SET = "task.set"
    TASK_DUE = "task.due"
    TASK_OVERDUE = "task.overdue"
    FILING_RECEIVED = "filing.received"
    NOTICE_SENT = "notice.sent"
    NOTICE_ANSWERED = "notice.answered"
    NOTICE_WITHDRAWN = "notice.withdrawn"
    NOTICE_DUE = "notice.due"
    NOTICE_OVERDUE = "notice.overdue"
    UNMASKING_ASKED = "unmasking.asked"
    UNMASKING_GRANTED = "unmasking.granted"
    ACTION_ASKED = "action.asked"
    ACTION_APPROVED = "action.approved"
    ACTION_REFUSED = "action.refused"
    ACTION_SENT = "action.sent"
    ACTION_DONE = "action.done"
    ACTION_FAILED = "action.failed"
    ACTION_EXPIRED = "action.expired"
    CHANNEL_OFF = "channel.off"
    USER_LOCKED = "user.locked"
    WATCHING_ENDED = "watching.ended"
    ACCOUNT_LINK_MADE = "account.link_made"
    ACCOUNT_PASSWORD_CHANGED = "account.password_changed"  # noqa: S105
    ACCOUNT_FACTOR_REMOVED = "account.factor_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened. `subject` is the id of the alert, case, notice, ... that `kind` names; `person` is whom
    it is about, empty where nobody; `severity` is an alert's, or the highest of a case's. `to` are those it is meant
    for, `user:<name>` or `role:<role>`; none: whoever has asked to be told. `details` are facts without personal data.
    `number` is set by the adapter: it grows, and nothing earlier ever appears after something later was read."""

    at: datetime
    kind: Kind
    subject: str
    person: str = ""
    by: str = ""
    severity: str = ""
    to: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    number: int = -1


class Happenings(Protocol):
    """What happened of late."""

    def happen(self, happenings: Sequence[Happening]) -> None:
        """Add some at the end."""

    def happened(self, after: int, most: int, kinds: Collection[Kind] | None = None) -> Sequence[Happening]:
        """Those with a greater number than `after`, of some kinds or all, so many at most, in order."""

    def last_happening(self) -> int:
        """The number of the newest; -1 where there is none."""

    def forget_happenings(self, before: datetime) -> None:
        """Those that are older go."""
