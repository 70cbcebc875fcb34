"""Ports: what the house needs of the outside, each a small promise. Only `app/wiring.py` knows the adapters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import polars as pl

from core.action import Actions
from core.alert import Alert, Outcome
from core.answering import Answers
from core.batch import Appended, Batch, Quarantined
from core.case import Case, CaseState
from core.casefiles import CaseFiles
from core.condition import Condition
from core.deadline import DueWork
from core.errors import Damaged
from core.evidence import Audit, AuditEntry, Erasures, Freezer, Holds
from core.grounds import Approval, RuleException
from core.happening import Happenings
from core.label import Incident
from core.listing import Lists
from core.model import ModelCard, ModelFinding, ModelState, RegisteredModel, ScoredDay
from core.notice import Notices
from core.notifying import Notifying
from core.person import Filing, Link, Person
from core.proof import Ledger
from core.retention import Due, Expiry, Lapsing
from core.roster import Roster
from core.standing import Standings
from core.subjects import SubjectRequests
from core.triage import Following, Triage
from core.unmasking import Unmaskings
from core.users import Keys, Sessions, Users
from core.watching import EndedWatches


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which stored events, and which of their columns. Empty fields do not restrict.

    `start` <= @timestamp < `end`; `tagged` asks for events that carry at least one of these rule ids. `newest` turns
    the order round; `after` is the time and id of the last event of the page before, in either order.
    """

    start: datetime | None = None
    end: datetime | None = None
    accounts: Collection[str] | None = None
    tagged: Collection[str] | None = None
    ids: Collection[str] | None = None
    condition: Condition | None = None
    columns: Sequence[str] | None = None
    newest: bool = False
    after: tuple[datetime, str] | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A run of days of one account or person to be judged again. `subject` is an account key, `person:<id>`, or
    `*` for everybody. The more `urgent`, the sooner. `since` and `stamp` are set by the adapter: when the subject was
    first marked, and what settling goes by, which removes a mark only if nothing renewed it since."""

    subject: str
    first: date
    last: date
    urgent: int = 0
    since: datetime | None = None
    stamp: int = 0


AT_ONCE = 100
"""How urgent it is what people wait for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An alert that other systems have yet to be told of: `now` is what it has become, None where it is gone. `stamp`
    is set by the adapter, as a mark's."""

    alert: str
    person: str
    now: Alert | None
    stamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """What has arrived of one source: shown as heartbeat, lag and losses."""

    source: str
    events: int
    quarantined: int
    ignored: Mapping[str, int]
    waiting: int
    first_event: datetime | None
    last_event: datetime | None
    accounts: frozenset[str]


class EventReader(Protocol):
    """Stored events, to be read."""

    def read(self, query: EventQuery) -> pl.DataFrame:
        """The events asked for, ordered by (@timestamp, event.id)."""

    def totals(
        self,
        query: EventQuery,
        by: Sequence[str],
        zone: str = "UTC",
        sums: Sequence[str] = (),
        *,
        times: bool = False,
    ) -> pl.DataFrame:
        """How many events asked for there are, in `events`, for each combination of values of the keywords `by`, with
        the sums of some numbers. `day` stands for the day in a time zone; a missing value is a value of its own; an
        event counts for each of its many values. Ordered by `by`, nulls first. A sum stops at 2^63 - 1. With `times`,
        the seconds in which the first and the last of them were, `since` and `until`."""


class EventsAside(EventReader, Protocol):
    """Events laid aside while a question is answered; columns that they lack are null."""

    def add(self, events: pl.DataFrame) -> None:
        """Lay some aside, of which none lies there."""


class EventStore(EventReader, Protocol):
    """Sealed events. Several processes may read while one writes. Reads find what this process has appended, and of
    others at least what they had before `catch_up`."""

    def append(self, batch: Batch, marks: Sequence[Mark]) -> Appended:
        """Write a batch durably: events, fragments, quarantined records, the accounts seen, progress and marks become
        visible together or not at all. Records already present (by id) are left as they are and counted; a batch whose
        events are all present marks nobody."""

    def catch_up(self) -> None:
        """Reads from here on find what any process has appended by now."""

    def fragments(self, source: str, keys: Collection[str], since: datetime, until: datetime) -> pl.DataFrame:
        """Stored fragments of these keys and times, ordered by (@timestamp, event.sequence, event.id)."""

    def quarantined(self, source: str | None = None) -> Iterator[Quarantined]:
        """Records in quarantine."""

    def release(self, ids: Collection[str]) -> None:
        """Take records out of quarantine (after a replay stored them)."""

    def retag(self, version: str, tag: Callable[[pl.DataFrame], pl.DataFrame]) -> int:
        """Tag again every event stored under another version of the rules; returns how many were."""

    def stored(self) -> Iterator[pl.DataFrame | Damaged]:
        """Every event that is stored, with all columns, some at a time, in no order; in the place of what cannot be
        read, why."""

    def count(self) -> int:
        """How many events are stored."""

    def newest(self) -> datetime | None:
        """Time of the newest event."""

    def sources(self) -> Sequence[SourceStatus]:
        """What has arrived, by source."""

    def problems(self) -> Sequence[str]:
        """What is wrong with what is stored, a sentence each: missing or damaged files, counts that differ."""

    def compact(self) -> None:
        """Merge small segments where there are many. Answers do not change."""

    def due(self, expiry: Expiry) -> Due:
        """What would go now."""

    def expire(self, expiry: Expiry, witness: Callable[[Due], None] = lambda _: None) -> Due:
        """Delete what is too old. `witness` is told what goes before anything does; killed in between, the rest goes
        next time. Imported again it stays away, unless it is kept."""


class People(Protocol):
    """Who is who, and what HR filed. Changing any of it marks the days it touches, in the same transaction."""

    def save_persons(self, persons: Sequence[Person], links: Sequence[Link], by: str = "") -> None:
        """Where somebody's name is given, that is noted in the audit log."""

    def save_filings(self, filings: Sequence[Filing], replay_days: int, by: str = "leaverwatch") -> None:
        """What changed is told, noted in the audit log, and replayed. Open notices to HR that rest on a resignation
        which is withdrawn go with it."""

    def persons(self) -> Sequence[Person]: ...

    def links(self) -> Sequence[Link]: ...

    def filings(self) -> Sequence[Filing]: ...

    def accounts(self) -> Mapping[str, Sequence[str]]:
        """Every account seen in events, with its other keys (a SID, a mail address) seen beside it."""

    def sources_of(self, accounts: Collection[str]) -> Sequence[str]:
        """The sources in which any of these accounts was seen, by name."""

    def people_version(self) -> str:
        """Another one after every transaction that changed any of it, of whatever process."""


class Marks(Protocol):
    def add(self, marks: Sequence[Mark]) -> None:
        """Marks of one subject are coalesced into the run of days that covers them, as urgent as the most urgent."""

    def pending(self, urgent: int = 0) -> Sequence[Mark]:
        """All marks that are so urgent, in a stable order."""

    def spread(self, mark: Mark, over: Sequence[Mark]) -> None:
        """Put marks in the place of one, unless that was renewed: then it stays beside them."""

    def take(self, persons: Sequence[str], most: int) -> AbstractContextManager[frozenset[str]]:
        """The first of the persons whom no other judge has, so many at most; no other gets them until the context
        ends."""


class Grounds(Protocol):
    """What speaks for persons. Changing any of it marks the days it touches, in the same transaction."""

    def save_approvals(self, approvals: Sequence[Approval]) -> int:
        """Approvals are added, or corrected where kind and id agree; returns how many came or changed."""

    def approvals(self) -> Sequence[Approval]:
        """Ordered by (kind, id)."""

    def save_exception(self, exception: RuleException, noted: AuditEntry | None = None) -> None:
        """Added, or changed where the id agrees; noted in the audit log, where that is asked for, in the same
        transaction."""

    def exceptions(self) -> Sequence[RuleException]:
        """Ordered by id, expired ones too."""


class Inbox(Protocol):
    """Alerts and cases."""

    def settle(
        self,
        marks: Sequence[Mark],
        judged: Collection[tuple[str, date, date]],
        alerts: Sequence[Alert],
        cases: Sequence[Case],
    ) -> None:
        """In one transaction: for each judged (person, first day, last day) the alerts become exactly `alerts`,
        the judged persons' open cases become exactly `cases`, and the marks go, unless renewed since they were read.
        An alert written again keeps its `detected_at`; one that came, changed or went is news. A case that somebody
        has decided stays as it is."""

    def alerts(
        self,
        *,
        persons: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        outcome: Outcome | None = Outcome.ALERT,
        rules: Collection[str] | None = None,
    ) -> Sequence[Alert]:
        """Those of one outcome, or all, and of some rules; ordered by (time, id); `since` <= time < `until`."""

    def alert(self, alert_id: str) -> Alert | None: ...

    def alerts_named(self, ids: Collection[str]) -> Sequence[Alert]:
        """Those with these ids, whatever became of them, ordered by (time, id)."""

    def alert_persons(self, ids: Collection[str]) -> Mapping[str, str]:
        """Whom each of these alerts is about, as far as it is there."""

    def cases(self, *, persons: Collection[str] | None = None) -> Sequence[Case]:
        """Ordered by (opened, id)."""

    def decided_about(self, persons: Collection[str]) -> Sequence[Case]:
        """Decided cases of these persons, and of others that have alerts of theirs; ordered by (opened, id)."""

    def decide(self, case_id: str, state: CaseState, reason: str, at: datetime, by: str = "") -> None:
        """Somebody's decision of a case and of those that are worked on with it; their persons are marked. Raises
        `Refused` where there is no such case, or it is worked on with another one itself."""

    def divide(self, overflow: Collection[str]) -> None:
        """Of the open cases exactly these are overflow, with all their alerts. Raises `Unbalanced`, and changes
        nothing, where a match would be lost."""

    def tally(self) -> Mapping[Outcome, int]:
        """How many matches came to each outcome."""

    def detected_at(self, alert_ids: Collection[str]) -> Mapping[str, datetime]:
        """When each alert was first written."""

    def untold(self, most: int) -> Sequence[News]:
        """What nobody outside was told of yet, so many at most."""

    def told(self, news: Sequence[News]) -> None:
        """It is known outside, unless it changed again since."""


class Models(Protocol):
    """Which models there are, and which one judges. Whenever another one does, the person-days of which the two find
    different things are marked, in the same transaction."""

    def save_model(self, card: ModelCard, data: bytes = b"") -> None:
        """A new model, trained, with its file. Raises `Refused` where its id is taken by another one."""

    def model_file(self, model: str) -> bytes | None:
        """The file of a model, where it was given."""

    def models(self) -> Sequence[RegisteredModel]:
        """Ordered by (created, id)."""

    def move_model(self, model: str, state: ModelState, *, at: datetime, by: str, why: str) -> None:
        """Another state. Who was champion before a new one is retired in the same transaction. Raises `Refused` where
        there is no such model, or nothing can become what is asked."""

    def restore_champion(self, *, at: datetime, by: str, why: str) -> str:
        """In one transaction the champion retires and the one whose place it took is champion again; returns whose id
        that is. Doing it again goes further back. Raises `Refused` where there was none."""


class FindingReader(Protocol):
    """What the model that judges has found."""

    def champions_findings(self, persons: Collection[str], first: date, last: date) -> Sequence[ModelFinding]:
        """The champion's findings about these persons on these days, ordered by (person, day)."""


class Findings(FindingReader, Protocol):
    """What each model has found, on which days. Nothing here is ever anybody's decision: all of it can be had again."""

    def save_findings(self, model: str, scored: Sequence[ScoredDay], findings: Sequence[ModelFinding]) -> None:
        """In one transaction: of the days scored, of the persons at these places, the model's findings become exactly
        these. Person-days whose finding came, changed or went are marked where the model is champion."""

    def scored_days(self, model: str) -> Sequence[ScoredDay]:
        """Ordered by (day, first)."""

    def findings(self, model: str) -> Sequence[ModelFinding]:
        """All of one model, ordered by (day, person)."""

    def old_findings(self, before: date) -> Sequence[tuple[str, date, int]]:
        """Person-days before a day of which there are findings, and how many, ordered by (day, person)."""

    def drop_findings(self, of: Collection[tuple[str, date]]) -> None:
        """Nothing is found of these person-days any more, and nobody is judged because of that."""

    def finding_counts(self) -> Mapping[str, int]:
        """How many findings each model has."""


class Incidents(Protocol):
    """Incidents of the past that models learn from."""

    def save_incidents(self, incidents: Sequence[Incident]) -> int:
        """Added, or corrected where account and first day agree; returns how many came or changed."""

    def incidents(self) -> Sequence[Incident]:
        """Ordered by (first, account)."""


class Records(
    People,
    Marks,
    Grounds,
    Inbox,
    Models,
    Findings,
    Incidents,
    Freezer,
    Holds,
    Erasures,
    Audit,
    Ledger,
    Happenings,
    Lists,
    Standings,
    Notices,
    Roster,
    Notifying,
    Actions,
    Answers,
    Users,
    Sessions,
    Keys,
    Unmaskings,
    Triage,
    CaseFiles,
    SubjectRequests,
    Lapsing,
    Following,
    EndedWatches,
    DueWork,
    Protocol,
):
    """The records database: everything people decide or file, and what the judge owes them."""

    def setting(self, name: str) -> str | None: ...

    def set_setting(self, name: str, value: str) -> None: ...

    def alone(self, job: str) -> AbstractContextManager[None]:
        """Within it no other process does this job; waits for one that does."""

    def unless_done(self, job: str) -> AbstractContextManager[bool]:
        """As `alone`, but waits for nobody: whether no other process does this job."""

    def close(self) -> None: ...


Delivery = AbstractContextManager[Batch]


class Sender(Protocol):
    """Takes batches from those who read."""

    def publish(self, batch: Batch) -> None:
        """Hand over a batch; waits while there is no room."""


class Receiver(Protocol):
    """Gives batches to those who store; a batch is delivered until it is done."""

    def batches(self) -> Iterator[Delivery]:
        """Batches in order of arrival; leaving the context without an error means done, an error redelivers."""


class Herald(Protocol):
    """Tells other systems of alerts."""

    def tell(self, news: Sequence[News]) -> None:
        """Returns when it is safe there; of one person in order. Telling again changes nothing."""


class Bus(Sender, Receiver, Protocol):
    """Both ends within one process."""

    def end(self) -> None:
        """No more batches come; `batches` ends after the last one."""

    def fail(self, error: BaseException) -> None:
        """The producer broke: `batches` raises `error` after what was published before it."""
