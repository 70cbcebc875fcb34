"""Rights of the people whom data is about: one person asks for the file of what is held about somebody, or for all of
it to be erased; another one carries it out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.retention import Erasure


class Right(StrEnum):
    ACCESS = "access"
    ERASURE = "erasure"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRequest:
    """That a person is to be given what is held about them, or to be erased. `person` is empty once they are erased:
    `pseudonym` is what is left of them. `counts` says, once it is done, how much was handed over or went, by kind. With
    `done_by` but not `done`, the person is being erased."""

    id: str
    right: Right
    person: str
    pseudonym: str
    reason: str
    asked_by: str
    asked: datetime
    done_by: str = ""
    done: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether it is still to be carried out."""
        return self.done is None and bool(self.person)

    def is_of(self, user: str) -> bool:
        """Whether this user asked for it."""
        return self.asked_by.strip().casefold() == user.strip().casefold()


class SubjectRequests(Protocol):
    """What was asked for, and what became of it. Both are noted in the audit log, in the same transaction."""

    def ask_for_subject(self, request: SubjectRequest) -> None:
        """Add one. Raises `Refused` where the same is waiting for the same person, they are being erased, or are to be
        and a hold or an open case keeps what is held about them."""

    def subject_requests(self) -> Sequence[SubjectRequest]:
        """Ordered by (asked, id)."""

    def answered_subject(self, request: SubjectRequest) -> None:
        """Keep that a request for access is carried out: by whom, when, and how much there was. Raises `Refused` where
        it does not wait, or where that is who asked."""

    def frozen_alerts_of(self, person: str) -> Sequence[str]:
        """The person's alerts of which something is frozen, in order: also those that are stored no more."""

    def displaced_of(self, person: str) -> Sequence[str]:
        """Cases that are gone while something lies with them, of the person or with alerts of theirs, in order."""

    def begin_erasing(self, request: SubjectRequest) -> None:
        """From now on the person is being erased: no hold is placed on them any more, nor is anything asked for.
        `request` says who carries it out; whoever dies in between, it is begun again. Raises `Refused` where a hold or
        an open case keeps what is held about them, or it is still to be handed over."""

    def expunge(
        self, request: SubjectRequest, keys: Collection[str], erasure: Erasure, nameless: Callable[[str], str]
    ) -> SubjectRequest:
        """Delete all records about the person, who has these accounts, but for the audit log; what was written on cases
        of others of whose crew they were becomes `nameless`. `request` says who carries it out, `erasure` which events
        went. Returns it as done. Raises `Refused` where it could not begin either."""
