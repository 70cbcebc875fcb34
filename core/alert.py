"""Findings: a match is a rule's, an alert is what a person reads, a term is one line of the score ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.canonical import content_id
from core.model import Driver, Vote

Fact = float | int | str
CREW, PLACE, OTHERS, SEPARATOR = "crew", "destination", "others", ", "
"""Facts of what is about several persons: what they are, where they met, who the others are, what parts their ids."""


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
    (the first `MAX_EVENTS`; the fact `events` counts them all). `votes` are those of a model's detectors.
    """

    rule: str
    person: str
    day: date
    time: datetime
    facts: Mapping[str, Fact]
    events: Sequence[str]
    votes: Sequence[Vote] = ()


MAX_EVENTS = 1000


class Outcome(StrEnum):
    """What became of a match: alerts + suppressed + overflow = matches."""

    ALERT = "alert"
    SUPPRESSED = "suppressed"
    OVERFLOW = "overflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One named line of a score ledger; the points of a ledger add up to its score.

    `own_usual` and `peers_usual` are what the person and their peers usually have of what was observed, None where
    nobody knows. An observed value below `silent_below` would not have fired; `unit` says of what. A term counts from
    `since` on, always where there is none. `factor` is what the terms before were multiplied by; in a person's ledger
    `weight` is what share of the alert's score counts. `drivers` are the features behind a model's vote.
    """

    name: str
    points: float
    observed: Fact | None = None
    limit: Fact | None = None
    own_usual: Fact | None = None
    peers_usual: Fact | None = None
    silent_below: Fact | None = None
    unit: str | None = None
    since: datetime | None = None
    alert: str | None = None
    factor: float | None = None
    weight: float | None = None
    drivers: tuple[Driver, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A match with its score. One per person, rule and company day: `id` is made from these three. `grounds` are the
    ids of the approvals and exceptions that suppress it or lower its score, `why` what was given as their reason."""

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
    outcome: Outcome = Outcome.ALERT
    grounds: Sequence[str] = ()
    why: str = ""


def alert_id(rule: str, person: str, day: date) -> str:
    return content_id("alert", rule, person, day.isoformat())
