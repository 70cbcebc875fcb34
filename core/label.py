"""What people found out of the past, from which models learn: incidents that were filed, and labels of days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class IncidentKind(StrEnum):
    """What somebody did; `benign`: it looked like it, and was in order."""

    THEFT = "theft"
    LEAK = "leak"
    DESTRUCTION = "destruction"
    OTHER = "other"
    BENIGN = "benign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A past incident, from a company day to another one. `account` is how whoever filed it names the person
    (`mail:...` or `employee:...`); links say who that is. `who` answers for it, `why` says how it is known; `filed` is
    when it was entered, set by the adapter."""

    account: str
    first: date
    last: date
    kind: IncidentKind
    why: str
    who: str
    filed: datetime | None = field(default=None, compare=False)


class Origin(StrEnum):
    DECISION = "decision"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a person's days from `first` to `last` were: `guilty` is True, False where somebody found them in order, and
    None where nobody has decided or can, so that they teach nothing. What the person does from the day after `taught`
    on teaches nothing either: somebody knew by then. `by_model` marks what nobody would have looked at but for a model;
    `who` decided, `when` and `why`; `source` is the case or the account it comes from."""

    person: str
    first: date
    last: date
    taught: date
    guilty: bool | None
    origin: Origin
    source: str
    who: str = ""
    when: date | None = None
    why: str = ""
    by_model: bool = False
