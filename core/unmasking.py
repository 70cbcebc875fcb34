"""Unmasking: who may see who somebody is, for which case, why, how much and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from core.access import Depth

USUAL = timedelta(hours=8)
LONGEST = timedelta(days=7)


class Purpose(StrEnum):
    """What it is for: to find out what happened, to keep data from leaving, to talk with the person, to assert or meet
    a claim or an order, to answer the person's own question, or to find out why the system was wrong."""

    INVESTIGATE = "investigate"
    PROTECT = "protect"
    TALK = "talk"
    LEGAL = "legal"
    ANSWER_SUBJECT = "answer_subject"
    CORRECT = "correct"


class UnmaskingState(StrEnum):
    """`waiting` for a second person; `granted`; `refused` by one; `withdrawn` by who asked; `ended` early. One that is
    granted also ends at its time and when its case is decided: nobody does that, so the state stays."""

    WAITING = "waiting"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmasking:
    """Somebody asks to see who a person of a case is, to a depth, for `lasts` from when it is granted. `employee` is
    who asks as an employee, empty where they are none. `answered_by` granted or refused it, with what reason: a second
    person, or whoever asked where they may alone. `until` is known once it is granted."""

    id: str
    case: str
    person: str
    purpose: Purpose
    reason: str
    depth: Depth
    lasts: timedelta
    asked_by: str
    employee: str
    asked: datetime
    state: UnmaskingState = UnmaskingState.WAITING
    answered_by: str = ""
    answer: str = ""
    answered: datetime | None = None
    until: datetime | None = None
    ended_by: str = ""
    ended: datetime | None = None


class Unmaskings(Protocol):
    """Whatever becomes of one is noted in the audit log and told, in the same transaction."""

    def save_unmasking(self, unmasking: Unmasking, before: UnmaskingState | None) -> None:
        """Added where there was none before, else changed. Raises `Refused` where it is not any more as it was before:
        somebody else was quicker."""

    def unmasking(self, unmasking_id: str) -> Unmasking | None: ...

    def unmaskings(
        self,
        *,
        asked_by: str | None = None,
        case: str | None = None,
        person: str | None = None,
        state: UnmaskingState | None = None,
    ) -> Sequence[Unmasking]:
        """The newest first, by (asked, id)."""

    def unmaskings_in_force(
        self, at: datetime, asked_by: str | None = None, *, case: str | None = None, person: str | None = None
    ) -> Sequence[Unmasking]:
        """Those granted whose time is not over and whose case is there and not decided, ordered by (asked, id)."""
