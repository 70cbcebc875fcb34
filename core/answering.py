"""Requests that are sent twice and done once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

KEPT = timedelta(hours=24)
"""How long an answer is kept."""
GIVEN_UP = timedelta(minutes=10)
"""A request that has no answer after so long was cut off with its process, and may be done again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The same key was used before, with this body. `answer` is what was answered then; empty while that is not known,
    or where it was too large to be kept (`done` tells which)."""

    body: str
    done: bool
    answer: bytes


class Answers(Protocol):
    """Answers of the last hours, by request."""

    def begin_answer(self, request: str, body: str, at: datetime) -> Earlier | None:
        """None where this is the first of its kind, which is then under way as of `at`: also where an earlier one is
        out of date or was given up. Of several at the same time one is the first."""

    def keep_answer(self, request: str, at: datetime, answer: bytes) -> None:
        """What was answered to the one that is under way as of `at`."""

    def drop_answer(self, request: str, at: datetime) -> None:
        """Nothing was done: whoever asks next is the first."""

    def forget_answers(self, at: datetime, most: int) -> None:
        """Those that are out of date go, and of the others all but so many of the newest."""
