"""The demo's table: what was found of what is true, how early, and who was accused wrongly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median

import orjson

from core.alert import Outcome
from core.case import Case

A_DAY = timedelta(days=1)


@dataclass(slots=True)
class Kind:
    """Thieves of one kind: how many, how many have a case, how many had it within a day, days before the last day."""

    thieves: int = 0
    found: int = 0
    within_a_day: int = 0
    lead_days: list[int] = field(default_factory=list)

    @property
    def median_lead(self) -> float | None:
        return median(self.lead_days) if self.lead_days else None


@dataclass(frozen=True, slots=True)
class Report:
    """What the cases are worth against the truth. `false` lists persons accused wrongly, with who they are."""

    kinds: dict[str, Kind]
    false: list[tuple[str, str]]
    cases: int
    employees: int
    days: int

    @property
    def cases_per_1000_and_day(self) -> float:
        return 1000 * self.cases / max(1, self.employees * self.days)


def compare(truth_file: Path, cases: Sequence[Case]) -> Report:
    """Hold the cases against a simulated company's `truth.json`."""
    truth = orjson.loads(truth_file.read_bytes())
    opened = {case.person: case.opened for case in reversed(cases)}
    kinds: dict[str, Kind] = defaultdict(Kind)
    for thief in truth["thieves"]:
        _count(kinds[thief["kind"]], thief, opened.get(thief["person"]))
    why = {honest["person"]: honest["why"] for honest in truth["honest"]}
    guilty = {thief["person"] for thief in truth["thieves"]}
    false = [(person, why.get(person, "nothing unusual")) for person in opened if person not in guilty]
    return Report(dict(sorted(kinds.items())), sorted(false), len(cases), truth["employees"], truth["days"])


def _count(kind: Kind, thief: dict[str, str], opened: datetime | None) -> None:
    kind.thieves += 1
    if opened is None:
        return
    kind.found += 1
    kind.within_a_day += opened <= datetime.fromisoformat(thief["start"]) + A_DAY
    if thief["last_day"]:
        kind.lead_days.append((date.fromisoformat(thief["last_day"]) - opened.date()).days)


def balance(tally: Mapping[Outcome, int]) -> str:
    """What became of all matches, on one line."""
    return (
        f"{tally[Outcome.ALERT]:,} alerts + {tally[Outcome.SUPPRESSED]:,} suppressed"
        f" + {tally[Outcome.OVERFLOW]:,} overflow = {sum(tally.values()):,} matches"
    )
