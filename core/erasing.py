"""Erasing what is held about one person: one person asks for it, another one carries it out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from core.retention import Erasure


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequest:
    """That a person is to be erased. `person` is empty once that is done: `pseudonym` is what is left of them. `erased`
    says how much went, by kind."""

    id: str
    person: str
    pseudonym: str
    reason: str
    asked_by: str
    asked: datetime
    done_by: str = ""
    done: datetime | None = None
    erased: Mapping[str, int] = field(default_factory=dict)


class ErasureRequests(Protocol):
    """Who was to be erased, and what became of it. Both are noted in the audit log, in the same transaction."""

    def ask_to_erase(self, request: ErasureRequest) -> None:
        """Add one. Raises `Refused` where the same person's is waiting."""

    def erasure_requests(self) -> Sequence[ErasureRequest]:
        """Ordered by (asked, id)."""

    def expunge(
        self, request: ErasureRequest, keys: Collection[str], erasure: Erasure, nameless: Callable[[str], str]
    ) -> ErasureRequest:
        """Delete all records about the person, who has these accounts, but for the audit log; what was written on cases
        of others of whose crew they were becomes `nameless`. `request` says who carries it out, `erasure` which events
        went. Returns it as done. Raises `Refused`."""
