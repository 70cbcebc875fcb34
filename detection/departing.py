"""The stage of somebody of whom HR has filed nothing, from signs of several kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from core.alert import Fact
from core.person import Filing, Stage, notice_at
from detection.behaviours.company import Notice

UNTIL = "until"
"""The fact of a joint finding that says how long it makes the stage `pre_departure`."""


class Finding(Protocol):
    """A match or an alert."""

    @property
    def time(self) -> datetime: ...

    @property
    def facts(self) -> Mapping[str, Fact]: ...


def stage_with(findings: Iterable[Finding], filed: Stage, at: datetime) -> Stage:
    """The stage at a moment: what HR has `filed` comes first; else `pre_departure` while one of the person's findings
    by then says so."""
    if filed is not Stage.ACTIVE:
        return filed
    here = (finding for finding in findings if UNTIL in finding.facts and finding.time <= at)
    ahead = any(at < datetime.fromisoformat(str(finding.facts[UNTIL])) for finding in here)
    return Stage.PRE_DEPARTURE if ahead else Stage.ACTIVE


def guesses(findings: Iterable[Finding], filings: Sequence[Filing]) -> list[Notice]:
    """When such findings say that somebody is about to leave, in order; not while a notice stands, and only until HR
    files something."""
    found: list[Notice] = []
    for finding in sorted(findings, key=lambda one: one.time):
        if notice_at(filings, finding.time):
            continue
        until = datetime.fromisoformat(str(finding.facts[UNTIL]))
        until = min([until, *(filing.filed for filing in filings if filing.filed > finding.time)])
        if found and finding.time <= found[-1].until:
            found[-1] = found[-1]._replace(until=max(found[-1].until, until))
        elif finding.time < until:
            found.append(Notice(finding.time, until, None, guess=True))
    return found
