"""A case gathers a person's open alerts, so that one person is looked at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.alert import Alert
from core.canonical import content_id


class CaseState(StrEnum):
    """`overflow`: a case that the alert budget leaves out; the last three are what somebody decided."""

    NEW = "new"
    OVERFLOW = "overflow"
    CONFIRMED = "confirmed"
    BENIGN = "benign"
    INSUFFICIENT = "insufficient"


DECIDED = frozenset({CaseState.CONFIRMED, CaseState.BENIGN, CaseState.INSUFFICIENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`opened` is when the person's score first reached the limit; `number` counts the person's cases from 0.
    `scores` are those of its alerts, as they were when it was gathered last. A decided case changes no more;
    `decided_by` is who decided it, as far as that was said."""

    id: str
    person: str
    number: int
    state: CaseState
    opened: datetime
    score: float
    alerts: Sequence[str]
    scores: Sequence[float] = ()
    reason: str = ""
    decided: datetime | None = None
    decided_by: str = ""


def case_id(person: str, number: int) -> str:
    return content_id("case", person, str(number))


def undecided(alerts: Iterable[Alert], decided: Iterable[Case]) -> list[Alert]:
    """The alerts that no decided case answers. One that has come to weigh more since is open again."""
    answered: dict[str, float] = {}
    for case in decided:
        for alert, score in zip(case.alerts, case.scores, strict=False):
            answered[alert] = max(score, answered.get(alert, score))
    return [alert for alert in alerts if alert.id not in answered or alert.score > answered[alert.id]]
