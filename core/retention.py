"""What is kept no longer: how old it may become, what must stay all the same, and what went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Stored(StrEnum):
    """What there is of people's data, by how it is kept."""

    EVENT = "event"
    FRAGMENT = "fragment"
    QUARANTINE = "quarantine"
    FINDING = "finding"
    WRITING = "writing"
    CASE = "case"
    ALERT = "alert"
    SNAPSHOT = "snapshot"
    NOTICE = "notice"
    RESIGNATION = "resignation"
    GROUND = "ground"


class KeptFor(StrEnum):
    """What for something is kept that is no event: cases by how they were decided, alerts that no case has, notices to
    HR, resignations that were withdrawn, and grounds (approvals, exceptions) that are over."""

    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    ALERTS = "alerts"
    NOTICES = "notices"
    RESIGNATIONS = "resignations"
    GROUNDS = "grounds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Events that stay though they are old: of an account, or of everybody (None), `since` <= time < `until`. `hold` is
    the id of the legal hold that keeps them, or says what else does."""

    hold: str
    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An account while it was somebody's."""

    account: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """What is too old: records of a source from before its moment, of a source without one from before `before` (None:
    they stay). `kept` stays all the same, and so do the events with these `ids`. Days are those of `zone`.

    Fragments belong to no account: of them only what holds everybody keeps any. A record in quarantine has no time of
    its own but that when it was stored, and may be of any time before: what holds everybody keeps all that were stored
    since that began.

    With `only`, nothing goes but events of these accounts, `since` <= time < `until`."""

    before: datetime | None = None
    sources: Mapping[str, datetime] = field(default_factory=dict)
    kept: Sequence[Kept] = ()
    ids: Collection[str] = ()
    only: Sequence[Span] | None = None
    zone: str = "UTC"

    def limit(self, source: str) -> datetime | None:
        """From when on a source's records stay."""
        return self.sources.get(source, self.before)

    @property
    def everybodys(self) -> Sequence[Kept]:
        return [kept for kept in self.kept if kept.account is None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How many records of a kind and source went, of one day; of no day where nobody knows theirs."""

    kind: Stored
    source: str
    day: date | None
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What goes, ordered by (kind, source, day), and how many events each hold keeps that would."""

    erased: Sequence[Erased]
    held: Mapping[str, int]

    def count(self, kind: Stored = Stored.EVENT) -> int:
        return sum(one.records for one in self.erased if one.kind is kind)


def due_of(erased: Mapping[tuple[Stored, str, date | None], int], held: Mapping[str, int]) -> Due:
    """What goes, from how many records of a kind and source of each day."""
    kinds = list(Stored)
    order = sorted(erased, key=lambda key: (kinds.index(key[0]), key[1], key[2] or date.min))
    made = (Erased(kind=key[0], source=key[1], day=key[2], records=erased[key]) for key in order)
    return Due(erased=tuple(made), held=dict(sorted(held.items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """That retention deleted something: written before anything goes, `done` once all is gone. `before` has the limits
    by source, that of all others under an empty name, or by purpose."""

    id: str
    by: str
    begun: datetime
    before: Mapping[str, datetime]
    due: Due
    done: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Of which purposes what is over since before a moment goes. From `events` on events may be stored (None: of any
    time): what was made of those stays, for judging would make it again."""

    before: Mapping[KeptFor, datetime]
    events: datetime | None = None


class Lapsing(Protocol):
    """Letting go of what is kept for a purpose, but for what holds keep: of cases what people wrote and did about them
    (`Stored.WRITING`), and themselves with their alerts and what is frozen of those as soon as their events are gone.
    Open cases stay."""

    def lapsing(self, terms: Terms) -> Due:
        """What would go, by kind; the source is the purpose."""

    def lapse(self, terms: Terms, by: str) -> Sequence[Erasure]:
        """Let it go, some at a time, each time written down and noted in the audit log in the same transaction."""
