"""What is kept for legal: snapshots of alerts, holds, and who did what with all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from core.alert import Alert
from core.canonical import moment_text
from core.errors import Broken
from core.proof import canonical
from core.retention import Erasure

NOTHING_BEFORE = "0" * 64
"""The digest before the first entry of the audit log."""

FROZEN = "frozen"
"""In the details of an entry that somebody was erased: the ids of the snapshots that went."""

FREEZING = "freeze"
"""The job within which alerts are frozen, or what is frozen goes: one process at a time."""

SNAPSHOT = "snapshot"
"""The kind of the entries of the ledger that snapshots make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An alert as it was when it was frozen, with all that it rests on, for good. `id` is the hexadecimal SHA-256 of
    `body`, canonical JSON (see `core.proof.canonical`) with

    - `alert`: the alert with its score ledger, in the form of the command line's `--json`, but with the person's id;
    - `rule` and `model`: `{"id", "sha256"}` of their frozen texts (a rule's file, a model's card), `model` may be null;
      `rule` also has `version`, that of all rules together, and `on`, the same of each rule that it builds on;
    - `person`: who it was on that day, as the directory knew: name, post, accounts, what HR had filed;
    - `sources`: what had arrived of each source until then;
    - `events`: the ids of its events, each of which is frozen too, but for those in `missing`, which were not there any
      more; of more events than `core.alert.MAX_EVENTS` these are the first, and `counted` says how many there were;
    - `audit`: how many entries the audit log had, and the digest of the last.

    A snapshot is a leaf of the ledger like any event; its place there is known by its id."""

    id: str
    alert: str
    person: str
    at: datetime
    body: bytes


class HoldScope(StrEnum):
    CASE = "case"
    PERSON = "person"
    RANGE = "range"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What must not be deleted, though it is old. `subject` is a case id, a person id, or empty for everybody
    (`range`); `persons` are those whom it concerned when it was placed; `since` <= time < `until`, where given. One
    person asks for it to be lifted (`lift_asked_by`), another one lifts it (`lifted_by`)."""

    id: str
    scope: HoldScope
    subject: str
    reason: str
    placed_by: str
    placed: datetime
    since: datetime | None = None
    until: datetime | None = None
    persons: Sequence[str] = ()
    lift_asked_by: str = ""
    lift_reason: str = ""
    lifted_by: str = ""
    lifted: datetime | None = None


class Deed(StrEnum):
    """What somebody did with people's data, or with who may look at it."""

    SAW = "saw"
    DECIDED = "decided"
    WORKED = "worked"
    PREVIEWED = "previewed"
    EXPORTED = "exported"
    LISTED = "listed"
    HELD = "held"
    ASKED_TO_LIFT = "asked_to_lift"
    LIFTED = "lifted"
    ERASED = "erased"
    TRACED = "traced"
    FILED = "filed"
    ENTERED = "entered"
    SENT_NOTICE = "sent_notice"
    ANSWERED_NOTICE = "answered_notice"
    WITHDREW_NOTICE = "withdrew_notice"
    ACTED = "acted"
    SET_NOTIFYING = "set_notifying"
    REPLAYED = "replayed"
    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    LOGIN_FAILED = "login_failed"
    LOCKED_OUT = "locked_out"
    CHANGED_ACCESS = "changed_access"
    ASKED_TO_UNMASK = "asked_to_unmask"
    UNMASKED = "unmasked"
    REFUSED_TO_UNMASK = "refused_to_unmask"
    ENDED_UNMASKING = "ended_unmasking"
    BACKED_UP = "backed_up"
    RESTORED = "restored"
    REKEYED = "rekeyed"
    ANSWERED = "answered"
    ASKED_FOR_ACCESS = "asked_for_access"
    ASKED_TO_ERASE = "asked_to_erase"
    TRIED_ALONE = "tried_alone"
    STOPPED_WATCHING = "stopped_watching"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit log. `about` are the persons, cases and alerts concerned, by id; `details` are facts
    without personal data. `number` counts from 0, `before` is the digest of the entry before (64 zeros for the first),
    `digest` the hexadecimal SHA-256 of the canonical JSON of all the rest: set by the adapter."""

    at: datetime
    by: str
    deed: Deed
    about: Sequence[str]
    why: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    number: int = -1
    before: str = ""
    digest: str = ""

    def statement(self) -> bytes:
        """What the digest is of."""
        values = {name: value for name, value in asdict(self).items() if name != "digest"}
        return canonical(values | {"at": moment_text(self.at), "deed": self.deed.value, "about": list(self.about)})

    def after(self, last: AuditEntry | None) -> AuditEntry:
        """The entry as the one that follows another, or as the first."""
        placed = replace(self, number=last.number + 1, before=last.digest) if last else self
        placed = placed if last else replace(self, number=0, before=NOTHING_BEFORE)
        return replace(placed, digest=hashlib.sha256(placed.statement()).hexdigest())


def check_chain(entries: Iterable[AuditEntry], last: AuditEntry | None = None) -> AuditEntry | None:
    """Entries that follow one; returns the last of all. Raises `Broken`, which names the first that does not hold."""
    for entry in entries:
        expected = entry.after(last)
        if entry.number != expected.number:
            raise Broken(f"audit entry {expected.number} is missing: {entry.number} stands in its place")
        if entry.before != expected.before:
            raise Broken(f"audit entry {entry.number} does not follow the one before it")
        if entry.digest != expected.digest:
            raise Broken(f"audit entry {entry.number} was changed")
        last = entry
    return last


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfrozen:
    """An alert that came or changed since it was frozen last: `now` is what it has become, None where it is gone or
    none any more. `same` says that it is as when it was frozen last. `stamp` is set by the adapter, as a mark's."""

    alert: str
    now: Alert | None
    same: bool
    stamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Snapshots with what they rest on that is not frozen yet: the content of events, by id, and texts."""

    snapshots: Sequence[Snapshot]
    events: Mapping[str, bytes]
    texts: Sequence[bytes]


class Frozen(Protocol):
    """What was frozen. Nothing of it ever changes or goes."""

    def snapshots(self, alerts: Sequence[str]) -> Sequence[Snapshot]:
        """All snapshots of these alerts, ordered by (alert, time)."""

    def frozen_events(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The content of the leaves of these events, by id, as far as they are frozen."""

    def frozen_text(self, sha256: str) -> bytes | None:
        """A rule's file or a model's card, by the hexadecimal SHA-256 of its bytes."""


class Freezer(Frozen, Protocol):
    """Where evidence is frozen."""

    def every_snapshot(self) -> Iterator[Snapshot]:
        """All there are, ordered by id, a little at a time."""

    def every_frozen_event(self) -> Iterator[tuple[str, bytes]]:
        """All there are, as `frozen_events`."""

    def every_frozen_text(self) -> Iterator[tuple[str, bytes]]:
        """All there are, by the name that was given to them."""

    def unfrozen(self, most: int) -> Sequence[Unfrozen]:
        """Alerts to be frozen, so many at most, in order of their time."""

    def last_snapshot(self) -> Snapshot | None:
        """The newest of all."""

    def not_frozen(self, ids: Sequence[str]) -> Sequence[str]:
        """Those of the events that are not frozen."""

    def freeze(self, evidence: Evidence, done: Sequence[Unfrozen]) -> None:
        """In one transaction: keep it, and strike off what is done, unless it changed again since. What is frozen
        already stays as it is. Who freezes is within `alone(FREEZING)` since they asked what is not frozen."""


class Audit(Protocol):
    """The audit log: appended to, never changed."""

    def note(self, entry: AuditEntry) -> AuditEntry:
        """Append; returns the entry with its number and digests."""

    def note_all(self, entries: Sequence[AuditEntry]) -> None:
        """Append some in order, in one transaction."""

    def last_noted(self) -> AuditEntry | None: ...

    def audited(
        self,
        about: str | None = None,
        since: datetime | None = None,
        *,
        by: str | None = None,
        deed: Deed | None = None,
        after: int = -1,
        most: int | None = None,
    ) -> Sequence[AuditEntry]:
        """Entries about a person, case or alert, or all; of somebody's, and of one deed; in order. Those that come
        after one, so many at most."""


class Holds(Protocol):
    """Legal holds. Whatever becomes of one is noted in the audit log, in the same transaction."""

    def save_hold(self, hold: Hold) -> None:
        """Added, or changed where the id agrees. Raises `Refused` where somebody wants to lift it who asked for that,
        or what nobody asked for."""

    def holds(self) -> Sequence[Hold]:
        """Ordered by (placed, id), lifted ones too."""


class Erasures(Protocol):
    """What retention deleted."""

    def save_erasure(self, erasure: Erasure) -> None:
        """Added, or changed where the id agrees. One that is done is noted in the audit log, in the same
        transaction."""

    def erasures(self) -> Sequence[Erasure]:
        """Ordered by (begun, id)."""
