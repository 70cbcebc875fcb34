"""What has to be done by when, for calendars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.access import Caller


class DeadlineKind(StrEnum):
    TASK = "task"
    NOTICE = "notice"
    ACTION = "action"
    LAST_DAY = "last_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """`id` is that of the task, notice or action; `person` and `case` are whom and what it is about, empty where
    nobody and none."""

    id: str
    kind: DeadlineKind
    due: datetime
    person: str = ""
    case: str = ""


class Deadlines(Protocol):
    """One part's deadlines."""

    def deadlines(self, caller: Caller) -> Sequence[Deadline]:
        """Those that somebody has to keep, and that are not done."""
