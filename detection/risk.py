"""The score ledger: named additive terms. The points of a ledger add up to its score, always."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from core.alert import Alert, Fact, Match, Severity, Term
from core.model import Vote
from core.person import Person, Stage
from detection.behaviours.unusual import UNIT
from detection.learning import LEARNING
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
EVENTS = "events"
VOTE = "vote"
VOTE_PER_DOUBLING, VOTE_AT_MOST = 0.16, 0.8
"""Of the rule's points: what a detector's vote is worth for every doubling of rarity over the limit, and at most."""
SCORING = "3"
"""Changes when the same matches would be scored otherwise: everybody is then judged again."""


def points_of(rule: Rule) -> float:
    """What the rule is worth before anything is added: its own points, else those of its level."""
    return rule.extra.points if rule.extra.points is not None else BASE[rule.level]


def ledger(match: Match, rule: Rule, stage: Stage, post: tuple[str, float] | None = None) -> tuple[Term, ...]:
    """The terms of one alert: the rule itself, how far over the limit (log2, at most the rule's points again), what
    the leaver's stage and the sensitivity of the `post` add, what it loses where nobody's usual is known yet, and what
    the floor of a decisive event lifts it to. Where a model's detectors vote, each vote stands for how far over."""
    points = points_of(rule)
    observed, limit = match.facts.get("observed"), match.facts.get("limit")
    terms = [
        Term(
            name=rule.name,
            points=points,
            observed=observed,
            limit=limit,
            own_usual=match.facts.get("own_usual"),
            peers_usual=match.facts.get("peers_usual"),
            silent_below=silent_below(rule, match.facts),
            unit=unit_of(rule, match.facts),
        )
    ]
    if match.votes and isinstance(limit, int | float):
        terms += _votes(match.votes, limit, points)
    elif isinstance(observed, int | float) and isinstance(limit, int | float) and observed > limit > 0:
        over = min(points, points / 4 * math.log2(observed / limit))
        terms.append(Term(name="magnitude", points=round(over, 2), observed=observed, limit=limit))
    terms += _factor(f"stage {stage.value}", rule.extra.stage.get(stage.value, 1.0), terms)
    if post is not None:
        terms += _factor(f"post {post[0]}", post[1], terms)
    if LEARNING in match.facts:
        terms += _factor("usual not known yet", 0.0, terms)
    score = sum_of(terms)
    if rule.extra.floor is not None and score < rule.extra.floor:
        terms.append(Term(name="severity floor", points=round(rule.extra.floor - score, 2), limit=rule.extra.floor))
    return tuple(terms)


def _votes(votes: Sequence[Vote], limit: float, points: float) -> Iterator[Term]:
    """What each detector adds that calls the day rarer than the limit: more the rarer, but so little at most that fewer
    than three that agree weigh less than a case."""
    for vote in votes:
        over = math.log2(max(vote.one_in / limit, 1))
        yield Term(
            name=f"{VOTE} {vote.detector}",
            points=round(points * min(VOTE_AT_MOST, VOTE_PER_DOUBLING * over), 2),
            observed=int(vote.one_in),
            limit=limit,
            unit=UNIT,
            drivers=vote.drivers,
        )


def _factor(name: str, factor: float, terms: Sequence[Term]) -> list[Term]:
    """What multiplying everything before by a factor adds."""
    return [] if factor == 1.0 else [Term(name=name, points=round((factor - 1) * sum_of(terms), 2), factor=factor)]


def sum_of(terms: Sequence[Term]) -> float:
    """The score of a ledger, in hundredths."""
    return round(math.fsum(term.points for term in terms), 2)


def silent_below(rule: Rule, facts: Mapping[str, Fact]) -> Fact | None:
    """Below which observed value the rule would have said nothing; None where it does not count anything, or
    would rather say something of less."""
    limit = facts.get("limit")
    if not isinstance(limit, int | float):
        return 1 if rule.correlation is None else None
    if rule.correlation is not None and not rule.correlation.bounds.upwards:
        return None
    if not isinstance(facts.get("observed"), int):
        return limit
    return math.floor(limit) + 1 if rule.correlation and rule.correlation.op == "gt" else math.ceil(limit)


def unit_of(rule: Rule, facts: Mapping[str, Fact]) -> str | None:
    """What the observed value counts: `events`, the field whose values are added up or told apart, or the word of a
    behaviour."""
    if rule.behaviour:
        return rule.behaviour.unit
    if "limit" in facts:
        return (rule.correlation.field or EVENTS) if rule.correlation else None
    return EVENTS if rule.correlation is None else None


def post_of(person: Person, posts: Mapping[str, float]) -> tuple[str, float] | None:
    """The factor of the person's title or department, the larger of both; names are compared in lower case."""
    known = {name.lower(): (name, factor) for name, factor in posts.items()}
    found = [known[text.lower()] for text in (person.title, person.department) if text.lower() in known]
    return max(found, key=lambda item: item[1], default=None)


def person_ledger(alerts: Sequence[Alert], at: datetime) -> tuple[Term, ...]:
    """The terms of a person's score at a moment, one per alert raised by then, strongest first.

    An alert's score halves every 30 days; of one rule's alerts the k-th strongest counts 1/k of it, so that
    repetition adds ever less and never takes anything away.
    """
    return running((share_term(alert), score * weight, weight) for alert, score, weight in strongest(alerts, at))


def strongest(alerts: Sequence[Alert], at: datetime) -> list[tuple[Alert, float, float]]:
    """Each alert raised by then, its score, and how much of it counts; what counts most comes first."""
    return sorted(_shares(alerts, at), key=lambda share: (-share[1] * share[2], share[0].id))


def running(shares: Iterable[tuple[Term, float, float]]) -> tuple[Term, ...]:
    """Terms with their points and weights, rounded as running totals, so that what is shown adds up to the rounded
    sum."""
    terms = []
    whole = before = 0.0
    for term, share, weight in shares:
        whole = math.fsum((whole, share))
        terms.append(replace(term, points=round(round(whole, 2) - before, 2), weight=round(weight, 4)))
        before = round(whole, 2)
    return tuple(terms)


def share_term(alert: Alert, points: float = 0.0, weight: float = 0.0) -> Term:
    """What an alert adds to its person's ledger, before anything is rounded."""
    own = next((term for term in alert.terms if term.name == alert.rule), None)
    return Term(
        name=alert.rule,
        points=points,
        observed=alert.facts.get("observed"),
        limit=alert.facts.get("limit"),
        own_usual=alert.facts.get("own_usual"),
        peers_usual=alert.facts.get("peers_usual"),
        silent_below=own.silent_below if own else None,
        unit=own.unit if own else None,
        alert=alert.id,
        weight=weight,
    )


def score_at(alerts: Sequence[Alert], at: datetime) -> float:
    """The sum of the person's ledger."""
    shares = sorted(score * weight for _, score, weight in _shares(alerts, at))
    return round(math.fsum(shares), 2)


def worth_at(alert: Alert, at: datetime) -> float:
    """The alert's score, by what was known at a moment."""
    return alert.score - math.fsum(term.points for term in alert.terms if term.since is not None and term.since > at)


def _shares(alerts: Sequence[Alert], at: datetime) -> Iterator[tuple[Alert, float, float]]:
    """Each alert raised by then, its score, and how much of it counts."""
    raised = [(worth_at(alert, at), decay(alert.time, at), alert) for alert in alerts if alert.time <= at]
    met: dict[str, int] = {}
    for score, fresh, alert in sorted(raised, key=lambda item: (-item[0] * item[1], item[2].id)):
        met[alert.rule] = met.get(alert.rule, 0) + 1
        yield alert, score, fresh / met[alert.rule]


def decay(since: datetime, at: datetime) -> float:
    """0.5 for every half-life between two moments."""
    return float(0.5 ** ((at - since).total_seconds() / SECONDS / HALF_LIFE_DAYS))
