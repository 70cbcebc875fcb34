"""The stage of somebody of whom HR has filed nothing, from signs of several kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from core.alert import Fact
from core.person import Stage

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
