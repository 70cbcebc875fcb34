"""An evaluation as one document, with field names that scripts rely on (docs/models.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from app.evaluating import Evaluated
from core.model import Metric
from models.comparison import AtBudget
from models.fairness import Group
from models.measures import Measures


def described(found: Evaluated, called: Callable[[str], str]) -> dict[str, object]:
    """Every metric is `value`, `low`, `high`, or null where there is nothing to measure; persons are as they are
    `called`."""
    comparison = found.comparison
    return {
        "model": found.model,
        "learned_until": found.learned_until,
        "first": found.first,
        "last": found.last,
        "positives_by": "truth" if found.by_truth else "confirmed cases",
        "persons": found.persons,
        "positives": len(found.known.deeds),
        "benign": found.benign,
        "undecided": found.undecided,
        "left_out": sorted(map(called, found.known.left_out)),
        "budgets": [_budget(at, called) for at in comparison.budgets],
        "precision_at_10": {way: _metric(top) for way, top in comparison.precision_at_10.items()},
        "miscalibration": {name: _metric(one) for name, one in found.miscalibration.items()},
        "fairness": {way: [_group(group) for group in groups] for way, groups in comparison.fairness.items()},
        "ablation": [
            {"detector": one.detector, "recall": _metric(one.recall), "lost": _metric(one.lost)}
            for one in comparison.ablation
        ],
    }


def _budget(at: AtBudget, called: Callable[[str], str]) -> dict[str, object]:
    return {
        "cases_per_1000_and_week": at.per_1000_and_week,
        "cases": at.cases,
        "ways": {way: _way(worth, called) for way, worth in at.ways.items()},
        "gain": _metric(at.gain),
    }


def _way(worth: Measures, called: Callable[[str], str]) -> dict[str, object]:
    return {
        "cases": len(worth.cases),
        "threshold": worth.threshold,
        "recall": _metric(worth.recall),
        "precision": _metric(worth.precision),
        "lead_days": _metric(worth.lead_days),
        "early": _metric(worth.early),
        "gone_records": _metric(worth.gone.get("records")),
        "gone_bytes": _metric(worth.gone.get("bytes")),
        "found": _moments(worth.found, called),
        "missed": [called(person) for person in worth.missed],
    }


def _moments(found: Mapping[str, object], called: Callable[[str], str]) -> Sequence[Mapping[str, object]]:
    return [{"person": called(person), "at": at} for person, at in found.items()]


def _group(group: Group) -> dict[str, object]:
    return {
        "by": group.by,
        "group": group.group,
        "persons": group.persons,
        "false_cases": group.false_cases,
        "rate": _metric(group.rate),
        "ratio": _metric(group.ratio),
    }


def _metric(metric: Metric | None) -> dict[str, float] | None:
    return None if metric is None else {"value": metric.value, "low": metric.low, "high": metric.high}
