"""Findings: a match is a rule's, an alert is what a person reads, a term is one line of the score ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.canonical import content_id

Fact = float | int | str


class Severity(StrEnum):
    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A rule's finding about one person on one company day: facts, not sentences.

    `time` is the first moment the finding could have been made; `events` are the ids that add up to it
    (the first `MAX_EVENTS`; the fact `events` counts them all).
    """

    rule: str
    person: str
    day: date
    time: datetime
    facts: Mapping[str, Fact]
    events: Sequence[str]


MAX_EVENTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One named line of a score ledger; the points of a ledger add up to its score."""

    name: str
    points: float
    observed: Fact | None = None
    limit: Fact | None = None
    alert: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A match with its score. One per person, rule and company day: `id` is made from these three."""

    id: str
    rule: str
    person: str
    day: date
    time: datetime
    severity: Severity
    score: float
    terms: Sequence[Term]
    facts: Mapping[str, Fact]
    events: Sequence[str]
    stage: str


def alert_id(rule: str, person: str, day: date) -> str:
    return content_id("alert", rule, person, day.isoformat())
