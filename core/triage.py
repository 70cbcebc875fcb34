"""What people do with a case: who works on it, how far they are, what they wrote down. It lies beside the case, by its
id, for the case itself is written anew whenever its person is judged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.alert import Severity
from core.canonical import content_id
from core.case import DECIDED, Case, CaseState
from core.evidence import AuditEntry

FIRST_SPLIT = 1_000_000
"""Cases that were split off are numbered from here on, those that judging opens below."""


class WorkState(StrEnum):
    """How far a case is. It is closed by a decision alone."""

    NEW = "new"
    IN_REVIEW = "in_review"
    TO_HR = "escalated_hr"
    TO_LEGAL = "escalated_legal"
    CLOSED = "closed"


class Because(StrEnum):
    """Why what looked bad was in order."""

    APPROVED = "approved"
    PART_OF_THE_JOB = "part_of_the_job"
    HANDOVER = "handover"
    OWN_DATA = "own_data"
    KNOWN_PROCESS = "known_process"
    WRONG_RULE = "wrong_rule"
    WRONG_DATA = "wrong_data"
    OTHER = "other"


class Step(StrEnum):
    """One thing that was done on a case, as its history calls it."""

    MOVED = "moved"
    ASSIGNED = "assigned"
    DUE_SET = "due_set"
    REOPENED = "reopened"
    UNDONE = "undone"
    JOINED = "joined"
    PARTED = "parted"
    SPLIT = "split"
    FOLLOWED = "followed"
    COMMENTED = "commented"
    COMMENT_CHANGED = "comment_changed"
    COMMENT_WITHDRAWN = "comment_withdrawn"
    TASK_ADDED = "task_added"
    TASK_CHANGED = "task_changed"
    ATTACHED = "attached"
    EXCEPTED = "excepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Where work on a case stands. `state` is where it was when it was decided, if it was. `version` grows with every
    change of it; `handed_over` is when legal was given it, `lead` the case it is worked on with."""

    case: str
    version: int = 0
    state: WorkState = WorkState.NEW
    assignee: str = ""
    due: datetime | None = None
    handed_over: datetime | None = None
    because: str = ""
    lead: str = ""

    def state_with(self, case: Case) -> WorkState:
        return WorkState.CLOSED if case.state in DECIDED else self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A step from one version of the work on a case to the next."""

    before: Work
    after: Work
    step: Step
    at: datetime
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided of a case as they had seen it: `version` of the work, `contents` of the case."""

    case: str
    version: int
    contents: str
    verdict: CaseState
    reason: str
    at: datetime
    by: str
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """An alert that was taken out of a person's case `origin` into the case with a number of its own."""

    alert: str
    person: str
    number: int
    origin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A part of a search: a text with all these words, or an alert of one of these rules."""

    words: frozenset[str]
    rules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cases. What is empty does not restrict; `since` <= opened < `until`; `due` is before a moment."""

    states: frozenset[WorkState] = frozenset()
    verdicts: frozenset[CaseState] = frozenset()
    assignee: str | None = None
    due: datetime | None = None
    severity: Severity | None = None
    score: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    terms: Sequence[Term] = ()
    handed_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What lies with a case."""

    tasks: int = 0
    tasks_open: int = 0
    comments: int = 0
    attachments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Who and what a case is about: its persons, the rules of its alerts, the highest severity."""

    persons: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    severity: Severity | None = None


def contents_of(case: Case) -> str:
    """A few characters that change when its alerts do, or what they weigh."""
    return content_id("contents", *case.alerts, *(repr(score) for score in case.scores))[:12]


class Triage(Protocol):
    """Work on cases. Whatever changes is noted in the audit log and told, in the same transaction. Each change names
    the version it was made from, and raises `Stale` where that is no longer the newest."""

    def worklist(self, wanted: Wanted, after: tuple[datetime, str] | None, most: int) -> Sequence[Case]:
        """Cases but those that are worked on with another one, the newest first by (opened, id); those after one, so
        many at most."""

    def work(self, cases: Collection[str]) -> Mapping[str, Work]:
        """Of every case asked for."""

    def joined(self, leads: Collection[str]) -> Mapping[str, Sequence[str]]:
        """The cases that are worked on with each of these, where there are such, ordered by id."""

    def contents(self, cases: Collection[str]) -> Mapping[str, Contents]:
        """Of every case asked for."""

    def counts(self, cases: Collection[str]) -> Mapping[str, Counts]:
        """Of every case asked for."""

    def handed_over(self, cases: Collection[str]) -> frozenset[str]:
        """Those that legal was given, also with the case they are worked on with."""

    def change(self, changes: Sequence[Change]) -> None:
        """All or none of them. Raises `Refused` where a case is gone or decided."""

    def decide_all(self, decisions: Sequence[Decision]) -> None:
        """Decide cases, each with those that are worked on with it; all or none. Raises `Stale` also where the alerts
        have changed, `Refused` where a case is decided already or is worked on with another one."""

    def reopen(self, change: Change) -> None:
        """A decision did not happen: nor for the cases decided with it. Their persons are marked, models learn nothing
        from it any more. Raises `Refused` where people have gone on from it: a later case of the person is decided or
        worked on."""

    def join(self, change: Change, members: Sequence[str]) -> None:
        """Open cases are worked on with the change's from now on, and those that were worked on with them. Raises
        `Refused` where one is not open, or already worked on with yet another one."""

    def part(self, change: Change, members: Sequence[str]) -> None:
        """Each is worked on by itself again. Raises `Refused` where one is not worked on with the change's case."""

    def split(self, change: Change, rest: Case, apart: Case) -> Case:
        """Take alerts out of a case into one of their own, whose number is chosen here; its person is marked. Raises
        `Stale` where the case does not hold exactly what both hold now."""

    def splits(self) -> Mapping[str, Split]:
        """Every alert that was taken out of a case."""

    def history(self, case: str, after: int = -1, most: int | None = None) -> Sequence[AuditEntry]:
        """What was done on a case, in order, from after a number on; who looked at it is no part of that. What was done
        on one whose work it has belongs to it."""


class Following(Protocol):
    """Work follows the alerts: where judging gathers them in the case of somebody else, as when a crew grows or falls
    apart, what people did on the case that is gone lies with the one that has the most of its alerts now and is about
    all its persons."""

    def follow(self) -> int:
        """Move what has somewhere to go, each noted (`Step.FOLLOWED`) and told; returns of how many cases. What has
        not waits, and is there again with its case."""
