"""Windows of behaviour beyond Sigma: each kind a small module, each a pure function from columns to matches."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from core.alert import Match
from core.calendar import CompanyCalendar
from detection.behaviours.base import Behaviour, Scene
from detection.behaviours.common import Common
from detection.behaviours.company import Company
from detection.behaviours.coverage import Coverage
from detection.behaviours.crew import Crew
from detection.behaviours.cumulative import Cumulative
from detection.behaviours.destruction import Destruction
from detection.behaviours.drips import Drips
from detection.behaviours.found import matches
from detection.behaviours.joint import Joint
from detection.behaviours.sequence import Sequence
from detection.behaviours.silence import Silence
from detection.behaviours.unusual import Unusual
from detection.holding import Past
from detection.rule import Rule

KINDS: Mapping[str, type[Behaviour]] = {
    kind.kind(): kind
    for kind in (Common, Coverage, Crew, Cumulative, Destruction, Drips, Joint, Sequence, Silence, Unusual)
}


def find(
    rule: Rule,
    behaviour: Behaviour,
    hits: Mapping[str, pl.DataFrame],
    calendar: CompanyCalendar,
    company: Company,
    past: Past | None,
) -> list[Match]:
    """The matches of a rule with this behaviour, one per person and company day, given what each single-event rule hit.

    With `past`, days from `past.since` on are judged and what later days need of these is added to it.
    """
    scene = Scene(hits={name: hits[name] for name in rule.leaves}, calendar=calendar, company=company, past=past)
    found = behaviour.find(scene)
    if past:
        found = found.filter(pl.col("day") >= past.since)
    people = set(found["person.id"])
    return matches(rule.name, scene.events_of(people), found, behaviour.crowd) if people else []
