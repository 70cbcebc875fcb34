"""A case gathers a person's open alerts, so that one person is looked at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.canonical import content_id


class CaseState(StrEnum):
    NEW = "new"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`opened` is when the person's score first reached the limit; `number` counts the person's cases from 0."""

    id: str
    person: str
    number: int
    state: CaseState
    opened: datetime
    score: float
    alerts: Sequence[str]


def case_id(person: str, number: int) -> str:
    return content_id("case", person, str(number))
