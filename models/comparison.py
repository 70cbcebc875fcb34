"""Ways of scoring persons, held against each other with equally many cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from core.calendar import CompanyCalendar
from core.model import Metric
from models.budget import Deed, allowed, cases, found
from models.fairness import Group, fairness
from models.intervals import difference, share
from models.measures import Measures, measured

RULES, MODELS, BOTH = "rules", "models", "both"
"""The ways: the score ledger of the rules, how rare the panel calls a day, and the ledger with both."""
TOP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBudget:
    """What each way is worth with so many cases per 1,000 people and week, which comes to `cases` in all. `gain` is by
    how much the recall of both together is above that of rules alone."""

    per_1000_and_week: float
    cases: int
    ways: Mapping[str, Measures]
    gain: Metric | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The models' recall without a detector, and by how much it is below that with all of them."""

    detector: str
    recall: Metric
    lost: Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All budgets in their order; precision of each way's first ten persons; groups and detectors at the largest."""

    budgets: Sequence[AtBudget]
    precision_at_10: Mapping[str, Metric]
    fairness: Mapping[str, Sequence[Group]]
    ablation: Sequence[LeftOut]


def compared(
    ways: Mapping[str, pl.DataFrame],
    without: Mapping[str, pl.DataFrame],
    people: pl.DataFrame,
    deeds: Collection[Deed],
    hauls: Mapping[str, pl.DataFrame],
    budgets: Sequence[float],
    days: int,
    calendar: CompanyCalendar,
) -> Comparison:
    """Hold `RULES`, `MODELS` and `BOTH` against each other over so many days. `ways` and `without` (a detector) are
    frames of `models.budget.SCORES`, `people` has a row for everybody, with the columns `models.fairness.BY`; of those
    whose deeds are not given nothing bad is known. Scores of others do not count."""
    persons = people["person"].to_list()
    own = {name: scores.filter(pl.col("person").is_in(persons)) for name, scores in ways.items()}
    rooms = {per: allowed(per, len(persons), days) for per in sorted(set(budgets))}
    at_budgets = [_at_budget(per, room, own, deeds, hauls, calendar) for per, room in rooms.items()]
    widest = at_budgets[-1]
    innocent = people.filter(~pl.col("person").is_in([deed.person for deed in deeds]))
    return Comparison(
        budgets=at_budgets,
        precision_at_10={name: top for name, scores in own.items() if (top := _at_top(scores, deeds))},
        fairness={name: fairness(innocent, way.cases) for name, way in widest.ways.items()},
        ablation=[_left_out(name, scores, widest, deeds) for name, scores in sorted(without.items()) if deeds],
    )


def _at_budget(
    per: float,
    room: int,
    ways: Mapping[str, pl.DataFrame],
    deeds: Collection[Deed],
    hauls: Mapping[str, pl.DataFrame],
    calendar: CompanyCalendar,
) -> AtBudget:
    worth = {name: measured(scores, deeds, hauls, room, calendar) for name, scores in ways.items()}
    persons = [deed.person for deed in deeds]
    gain = difference("gain", worth[BOTH].found, worth[RULES].found, persons) if persons else None
    return AtBudget(per_1000_and_week=per, cases=room, ways=worth, gain=gain)


def _at_top(scores: pl.DataFrame, deeds: Collection[Deed]) -> Metric | None:
    opened = cases(scores, TOP)
    if not opened.persons:
        return None
    return share("precision_at_10", len(found(scores, deeds, opened)), len(opened.persons))


def _left_out(detector: str, scores: pl.DataFrame, at: AtBudget, deeds: Collection[Deed]) -> LeftOut:
    persons = [deed.person for deed in deeds]
    left = found(scores, deeds, cases(scores, at.cases))
    return LeftOut(
        detector=detector,
        recall=share("recall", len(left), len(persons)),
        lost=difference("lost", at.ways[MODELS].found, left, persons),
    )
