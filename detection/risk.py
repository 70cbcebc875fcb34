"""The score ledger, version 1: named additive terms. The points of a ledger add up to its score, always."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

from core.alert import Alert, Match, Severity, Term
from core.person import Stage
from detection.rule import Rule

BASE = {
    Severity.INFORMATIONAL: 0.0,
    Severity.LOW: 5.0,
    Severity.MEDIUM: 15.0,
    Severity.HIGH: 35.0,
    Severity.CRITICAL: 60.0,
}
"""Points of a rule that names none."""
HALF_LIFE_DAYS = 30.0
SECONDS = 86_400.0


def points_of(rule: Rule) -> float:
    """What the rule is worth before anything is added: its own points, else those of its level."""
    return rule.extra.points if rule.extra.points is not None else BASE[rule.level]


def ledger(match: Match, rule: Rule, stage: Stage) -> tuple[Term, ...]:
    """The terms of one alert: the rule itself, how far over the limit (log2, at most the rule's points again), what
    the leaver's stage adds, and what the floor of a decisive event lifts it to."""
    points = points_of(rule)
    observed, limit = match.facts.get("observed"), match.facts.get("limit")
    terms = [Term(name=rule.name, points=points, observed=observed, limit=limit)]
    if isinstance(observed, int | float) and isinstance(limit, int | float) and observed > limit > 0:
        over = min(points, points / 4 * math.log2(observed / limit))
        terms.append(Term(name="magnitude", points=round(over, 2), observed=observed, limit=limit))
    factor = rule.extra.stage.get(stage.value, 1.0)
    if factor != 1.0:
        added = (factor - 1) * sum(term.points for term in terms)
        terms.append(Term(name=f"stage {stage.value}", points=round(added, 2), observed=stage.value))
    score = sum(term.points for term in terms)
    if rule.extra.floor is not None and score < rule.extra.floor:
        terms.append(Term(name="severity floor", points=round(rule.extra.floor - score, 2), limit=rule.extra.floor))
    return tuple(terms)


def person_ledger(alerts: Sequence[Alert], at: datetime) -> tuple[Term, ...]:
    """The terms of a person's score at a moment, one per alert raised by then, strongest first.

    An alert's score halves every 30 days; of one rule's alerts the k-th strongest counts 1/k of it, so that
    repetition adds ever less and never takes anything away.
    """
    terms = (
        Term(
            name=alert.rule,
            points=points,
            observed=alert.facts.get("observed"),
            limit=alert.facts.get("limit"),
            alert=alert.id,
        )
        for alert, points in _shares(alerts, at)
    )
    return tuple(sorted(terms, key=lambda term: (-term.points, term.alert or "")))


def score_at(alerts: Sequence[Alert], at: datetime) -> float:
    """The sum of the person's ledger."""
    return round(math.fsum(points for _, points in _shares(alerts, at)), 2)


def _shares(alerts: Sequence[Alert], at: datetime) -> Iterator[tuple[Alert, float]]:
    """What each alert raised by then adds, in hundredths."""
    scored = [(alert.score * decay(alert.time, at), alert) for alert in alerts if alert.time <= at]
    met: dict[str, int] = {}
    for score, alert in sorted(scored, key=lambda item: (-item[0], item[1].id)):
        met[alert.rule] = met.get(alert.rule, 0) + 1
        yield alert, round(score / met[alert.rule], 2)


def decay(since: datetime, at: datetime) -> float:
    """0.5 for every half-life between two moments."""
    return float(0.5 ** ((at - since).total_seconds() / SECONDS / HALF_LIFE_DAYS))
