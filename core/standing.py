"""Where persons stand by risk: kept beside their alerts, so that nobody's alerts are read to put them in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.alert import Term
from core.listing import Whose

Rank = tuple[float, str]
"""`depth` and person: the order by risk, highest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a person's score is made of from `since` on until before `until`: nobody's earlier than their newest alert,
    another one from each moment on at which a term begins to count. `score` is that at `since`, not rounded; from there
    it only decays, everybody's alike, so `depth` puts persons in order at every moment: the less, the more risk.
    `strongest` are the first terms of the ledger, with points and weight as of `since`, `further` those after them, as
    many as are kept. `ahead` is until when behaviour says that the person is about to leave."""

    person: str
    since: datetime
    until: datetime
    depth: float
    score: float
    newest: datetime
    first_alert: datetime
    alerts: int
    ahead: datetime | None
    strongest: Sequence[Term]
    further: Sequence[Term] = ()

    @property
    def rank(self) -> Rank:
        return self.depth, self.person


@dataclass(frozen=True, slots=True, kw_only=True)
class Unranked:
    """A person whose alerts came, changed or went since their standing was kept. `stamp` is set by the adapter, as a
    mark's."""

    person: str
    stamp: int


class Standings(Protocol):
    """Whoever writes alerts notes in the same transaction whose standing is out of date; whoever asks for the order
    brings it up to date first (`detection.standing.bring_up`)."""

    def unranked(self, most: int) -> Sequence[Unranked]:
        """Whose standing is out of date, so many at most."""

    def rank(self, standings: Sequence[Standing], done: Sequence[Unranked]) -> None:
        """In one transaction: the standings of those who are done become exactly these, but of nobody whose alerts
        changed again since."""

    def ranked(self, at: datetime, whose: Whose, after: Rank | None, most: int) -> Sequence[Standing]:
        """By rank, as of a moment, without those who have alerts after it; each without `further`."""

    def ranked_later(self, at: datetime, whose: Whose, after: str, most: int) -> Sequence[str]:
        """Those who have alerts after a moment, by id, of the ids after one."""

    def standing(self, person: str, at: datetime) -> Standing | None:
        """A person's as of a moment; none of whoever has alerts after it or none at all, or whose is out of date."""
