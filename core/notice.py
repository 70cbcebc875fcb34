"""What HR is told of somebody, and what became of it: never what was seen in mails, files or logs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from core.person import Stage


class RiskLevel(StrEnum):
    """How soon HR should act, in HR's words."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Step(StrEnum):
    """What HR may be asked to do: nothing else."""

    EARLY_MEETING = "early_meeting"
    ACCESS_REVIEW = "access_review"
    HANDOVER = "handover"
    EXIT_INTERVIEW = "exit_interview"
    REMIND_OF_DUTIES = "remind_of_duties"
    REMIND_OF_NDA = "remind_of_nda"
    REMIND_OF_NON_COMPETE = "remind_of_non_compete"
    LEGAL_CONSULTATION = "legal_consultation"


class NoticeState(StrEnum):
    """Done: every step was answered. Withdrawn: the reason for it is gone."""

    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    DONE = "done"
    WITHDRAWN = "withdrawn"


OPEN = frozenset({NoticeState.SENT, NoticeState.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What HR says of a step: whether it was done, and a note."""

    step: Step
    done: bool
    note: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice to HR about the person of a case. `resignation` says that it rests on a resignation, and goes when that
    is withdrawn. `ended` is when it was done or withdrawn, `why` the reason of a withdrawal. `number` counts all
    notices from 1 and is set by the adapter; `version` grows with every change."""

    id: str
    case: str
    person: str
    stage: Stage
    level: RiskLevel
    steps: Sequence[Step]
    deadline: date
    sent: datetime
    sent_by: str
    last_day: date | None = None
    resignation: bool = False
    state: NoticeState = NoticeState.SENT
    acknowledged: datetime | None = None
    acknowledged_by: str = ""
    answers: Sequence[Answer] = ()
    feedback: str = ""
    ended: datetime | None = None
    why: str = ""
    reminded: bool = False
    number: int = 0
    version: int = 1


class Notices(Protocol):
    """Notices to HR. Each change is told and noted in the audit log, in the same transaction."""

    def send_notice(self, notice: Notice, *, first: bool = False) -> Notice:
        """Add one; returns it with its number. Raises `Refused` where one of the same case is open; with `first`, where
        there ever was one."""

    def change_notice(self, notice: Notice, *, by: str, at: datetime) -> Notice:
        """Its new form, made from the version it has; returns it as it is now. Raises `Refused` where there is a newer
        one."""

    def notice(self, notice_id: str) -> Notice | None: ...

    def notices(
        self, *, cases: Collection[str] | None = None, states: Collection[NoticeState] | None = None
    ) -> Sequence[Notice]:
        """Those of some cases and states, or all; the newest first."""

    def remind_of(self, until: date, at: datetime) -> int:
        """Have it told once of each open notice whose deadline is that day or before; returns of how many it was."""
