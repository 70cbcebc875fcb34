"""What is kept for legal: snapshots of alerts, holds, and who did what with all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An alert as it was when it was frozen, with all that it rests on, for good. `id` is the hexadecimal SHA-256 of
    `body`, canonical JSON (see `core.proof.canonical`) with

    - `alert`: the alert with its score ledger, in the form of the command line's `--json`;
    - `rule` and `model`: `{"id", "sha256"}` of their frozen texts (a rule's file, a model's card), `model` may be null;
    - `person`: who it was on that day, as the directory knew: name, post, accounts, what HR had filed;
    - `sources`: what had arrived of each source until then;
    - `events`: the ids of its events, each of which is frozen too.

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
    (`range`); `since` <= time < `until`, where given. One person asks for it to be lifted (`lift_asked_by`), another
    one lifts it (`lifted_by`)."""

    id: str
    scope: HoldScope
    subject: str
    reason: str
    placed_by: str
    placed: datetime
    since: datetime | None = None
    until: datetime | None = None
    lift_asked_by: str = ""
    lift_reason: str = ""
    lifted_by: str = ""
    lifted: datetime | None = None


class Deed(StrEnum):
    """What somebody did with people's data."""

    SAW = "saw"
    DECIDED = "decided"
    PREVIEWED = "previewed"
    EXPORTED = "exported"
    HELD = "held"
    ASKED_TO_LIFT = "asked_to_lift"
    LIFTED = "lifted"
    ERASED = "erased"
    TRACED = "traced"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A line of the audit log. `about` are the persons, cases and alerts concerned, by id; `details` are facts without
    personal data. `number` counts from 0, `before` is the digest of the entry before (64 zeros for the first),
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


class Frozen(Protocol):
    """What was frozen. Nothing of it ever changes or goes."""

    def snapshots(self, alerts: Sequence[str]) -> Sequence[Snapshot]:
        """All snapshots of these alerts, ordered by (alert, time)."""

    def frozen_events(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The content of the leaves of these events, by id, as far as they are frozen."""

    def frozen_text(self, sha256: str) -> bytes | None:
        """A rule's file or a model's card, by the hexadecimal SHA-256 of its bytes."""


class Audit(Protocol):
    """The audit log: appended to, never changed."""

    def note(self, entry: AuditEntry) -> AuditEntry:
        """Append; returns the entry with its number and digests."""

    def audited(self, about: str | None = None, since: datetime | None = None) -> Sequence[AuditEntry]:
        """Entries about a person, case or alert, or all; in order."""


class Holds(Protocol):
    """Legal holds."""

    def save_hold(self, hold: Hold) -> None:
        """Added, or changed where the id agrees."""

    def holds(self) -> Sequence[Hold]:
        """Ordered by (placed, id), lifted ones too."""
