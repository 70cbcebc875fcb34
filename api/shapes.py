"""The documents people and scripts are given: the same for the API and for `--json`. Field names are a contract."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from core.access import Depth
from core.alert import Fact
from core.unmasking import Purpose, UnmaskingState

Language = Literal["zh", "en"]


class IdentityView(BaseModel):
    """Who somebody is. It is shown only of whoever is unmasked."""

    id: str
    name: str
    email: str
    department: str
    title: str
    country: str


class DriverView(BaseModel):
    """A feature behind a model's vote, by its names: its value, what is usual, its share of what all named ones did,
    and the value at which the vote would be less rare than one in 300 person-days; null where this feature alone would
    not do. `actions` are those of the events it counts."""

    feature: str
    en: str
    zh: str
    value: float
    usual: float
    share: float
    enough: float | None
    actions: list[str]


class TermView(BaseModel):
    """One line of a score ledger; the points of a ledger add up to its score. What nobody knows is null, never 0. A
    term counts from `since` on; `factor` multiplied the terms before it; `weight` is what share of an alert's score
    counts for its person; `drivers` are behind a model's vote, else there are none."""

    name: str
    points: float
    observed: Fact | None
    limit: Fact | None
    own_usual: Fact | None
    peers_usual: Fact | None
    silent_below: Fact | None
    unit: str | None
    since: datetime | None
    alert: str | None
    factor: float | None
    weight: float | None
    drivers: list[DriverView] = []
    messages: dict[str, str]


class AlertView(BaseModel):
    """An alert. `person` is a pseudonym, `identity` who it is, null while the person is masked; then `facts` that could
    tell are left out, and `why` is null. `time` is the first moment it could have been raised, `detected_at` when it
    was first written. `events` is how many events it rests on, `event_ids` names them; among others only the first 10.
    `outcome` is alert, suppressed or overflow; `grounds` name what speaks for the person, `why` with
    what reason. `runbooks` says by language what to look at next; it is empty where the rule has none."""

    id: str
    rule: str
    title: str
    person: str
    identity: IdentityView | None
    day: str
    time: datetime
    detected_at: datetime
    severity: str
    stage: str
    score: float
    terms: list[TermView]
    facts: dict[str, Fact]
    message: str
    messages: dict[str, str]
    runbooks: dict[str, str]
    events: int
    event_ids: list[str]
    outcome: str
    grounds: list[str]
    why: str | None


class RuleView(BaseModel):
    """A rule in force. Building blocks raise no alerts. `limit` is that of a window that counts or sums; a behaviour's
    is the least at which it finds anything, which somebody's own past may raise."""

    name: str
    id: str
    title: str
    description: str
    level: str
    kind: str
    alerts: bool
    points: float
    floor: float | None
    stage: dict[str, float]
    for_stages: list[str]
    lookback: int
    rules: list[str]
    limit: float | None
    tags: list[str]
    falsepositives: list[str]
    messages: dict[str, str]
    runbooks: dict[str, str]
    tests: int


class CaseView(BaseModel):
    """A case: one person's alerts, gathered when the score reached the limit. `person` is a pseudonym, `identity` who
    it is, null while the person is masked; then `reason` is null where one was given. `state` is new, overflow (left
    out by the alert budget), or what was decided: confirmed, benign, insufficient."""

    id: str
    person: str
    identity: IdentityView | None
    state: str
    opened: datetime
    score: float
    alerts: list[str]
    reason: str | None
    decided: datetime | None


class RiskView(BaseModel):
    """A person ranked by score, the terms adding up to it. `person` is a pseudonym, `identity` who it is, null while
    the person is masked."""

    person: str
    identity: IdentityView | None
    score: float
    stage: str
    first_alert: datetime
    terms: list[TermView]


class UnmaskingView(BaseModel):
    """Somebody asks to see who a person of a case is. `depth` is `identity`, or `content`: also what was written in
    mails and chats. `in_force` says whether it shows anything now: it is granted, its time is not over, and the case is
    not decided. `reason` and `answer` are what the two persons gave as theirs."""

    id: str
    case: str
    person: str
    purpose: Purpose
    reason: str
    depth: Depth
    hours: float
    asked_by: str
    asked: datetime
    state: UnmaskingState
    answered_by: str
    answer: str
    answered: datetime | None
    until: datetime | None
    ended_by: str
    ended: datetime | None
    in_force: bool


class SourceView(BaseModel):
    """What has arrived of one source, so that silence is explained."""

    source: str
    events: int
    quarantined: int
    ignored: dict[str, int]
    waiting: int
    first_event: datetime | None
    last_event: datetime | None
    unlinked_accounts: int
