"""Alerts and cases a page at a time, in an order that does not change while rows come and go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.alert import Alert, Outcome, Severity
from core.case import Case, CaseState

Place = tuple[datetime, str]
"""Time and id of the last row of the page before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Of whom rows are: of these only, where any are named, and of those never."""

    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()

    def those_of(self, person: str) -> Whose:
        """Of these only the rows of one person."""
        there = self.only is None or person in self.only
        return Whose(only=frozenset({person} if there else ()), never=self.never)


EVERYBODY = Whose()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertQuery:
    """Which alerts, so many at most, ordered by (time, id); `since` <= time < `until`. Empty fields do not restrict.
    `newest` turns the order round; `after` is the place of the last one of the page before, whether it is still there
    or not."""

    limit: int
    whose: Whose = EVERYBODY
    outcome: Outcome = Outcome.ALERT
    severities: Collection[Severity] = ()
    rule: str | None = None
    stage: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    newest: bool = False
    after: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseQuery:
    """Which cases, as `AlertQuery`, by when they were opened. `about` asks for those in which somebody's alerts are, as
    in a crew's; `handed_over` for those alone that legal was given, also with the case they are worked on with."""

    limit: int
    whose: Whose = EVERYBODY
    about: str | None = None
    handed_over: bool = False
    states: Collection[CaseState] = ()
    since: datetime | None = None
    until: datetime | None = None
    newest: bool = False
    after: Place | None = None


class Lists(Protocol):
    """Some alerts and cases of many, read without reading the others."""

    def alert_page(self, query: AlertQuery) -> Sequence[Alert]: ...

    def case_page(self, query: CaseQuery) -> Sequence[Case]: ...

    def case(self, case_id: str) -> Case | None:
        """The case of this id; where it is gone, the one that has its work now (see `core.triage.Following`)."""

    def alerts_among(self, ids: Collection[str], after: Place | None, most: int) -> Sequence[Alert]:
        """Those of the alerts that are there and come after a place, oldest first, so many at most."""

    def case_counts(self) -> Mapping[CaseState, int]:
        """How many cases are in each state."""

    def newest_alert(self) -> datetime | None:
        """The time of the newest alert."""
