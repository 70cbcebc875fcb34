"""Where persons stand by risk: what their ledgers come to, kept so that nobody's are made anew to put them in order."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Protocol

from core.alert import Alert, Term
from core.directory import NEVER
from core.ports import Inbox
from core.standing import Rank, Standing, Standings
from detection.departing import UNTIL
from detection.risk import HALF_LIFE_DAYS, SECONDS, decay, running, share_term, strongest, sum_of

STRONGEST, LEDGER = 3, 25
"""Terms of a ledger that a list shows of each person, and that a person's page does."""
OTHERS = "others"
"""The term of the alerts that add less than those."""
WITHOUT_SCORE = 1e9
"""The depth of whoever has alerts that count for nothing."""
AT_ONCE = 100
"""Persons whose alerts are read together."""


class Ranking(Inbox, Standings, Protocol):
    """Records as far as the order of persons goes."""


def standings_of(person: str, alerts: Sequence[Alert]) -> list[Standing]:
    """What a person's alerts come to, from the newest of them on; nothing where there is none."""
    if not alerts:
        return []
    newest = max(alert.time for alert in alerts)
    counting = {term.since for alert in alerts for term in alert.terms if term.since and term.since > newest}
    return [
        replace(_standing(person, alerts, since), until=until, newest=newest)
        for since, until in pairwise([newest, *sorted(counting), NEVER])
    ]


def standing_at(person: str, alerts: Sequence[Alert], at: datetime) -> Standing:
    """What a person's alerts came to at a moment, some of which were raised by then."""
    found = standings_of(person, [alert for alert in alerts if alert.time <= at])
    return next(one for one in found if one.since <= at < one.until)


def rank_at(person: str, alerts: Sequence[Alert], at: datetime) -> Rank:
    """A person's place in the order by risk at a moment, by which some of the alerts were raised."""
    return standing_at(person, alerts, at).rank


def score_of(standing: Standing, at: datetime) -> float:
    """The person's score at a moment for which the standing holds: what `detection.risk.score_at` gives."""
    return round(standing.score * decay(standing.since, at), 2)


def terms_of(standing: Standing, at: datetime) -> tuple[Term, ...]:
    """The strongest terms of the person's ledger at a moment for which the standing holds: the first of what
    `detection.risk.person_ledger` gives."""
    return _as_of(standing.strongest, decay(standing.since, at))


def ledger_of(standing: Standing, at: datetime) -> tuple[Term, ...]:
    """The person's ledger at a moment for which the standing holds: what `detection.risk.person_ledger` gives; where
    that is longer than a page, what all weaker alerts add is one term, which observed how many they are."""
    kept = [*standing.strongest, *standing.further]
    shown = len(kept) if standing.alerts == len(kept) else LEDGER - 1
    terms = _as_of(kept[:shown], decay(standing.since, at))
    if shown == standing.alerts:
        return terms
    rest = round(score_of(standing, at) - sum_of(terms), 2)
    return *terms, Term(name=OTHERS, points=rest, observed=standing.alerts - shown)


def bring_up(records: Ranking) -> int:
    """Make and keep the standings that are out of date, some at a time; returns of how many persons. Whoever dies in
    between has done so many, and others may do the same at the same time."""
    done = 0
    while due := records.unranked(AT_ONCE):
        alerts: dict[str, list[Alert]] = defaultdict(list)
        for alert in records.alerts(persons=[one.person for one in due]):
            alerts[alert.person].append(alert)
        records.rank([each for person, own in alerts.items() for each in standings_of(person, own)], due)
        done += len(due)
    return done


def _as_of(terms: Iterable[Term], fresh: float) -> tuple[Term, ...]:
    return running((term, term.points * fresh, (term.weight or 0.0) * fresh) for term in terms)


def _standing(person: str, alerts: Sequence[Alert], at: datetime) -> Standing:
    shares = strongest(alerts, at)
    score = math.fsum(sorted(score * weight for _, score, weight in shares))
    terms = [share_term(alert, each * weight, weight) for alert, each, weight in shares[:LEDGER]]
    ahead = [datetime.fromisoformat(str(alert.facts[UNTIL])) for alert in alerts if UNTIL in alert.facts]
    return Standing(
        person=person,
        since=at,
        until=NEVER,
        depth=_depth(score, at),
        score=score,
        newest=at,
        first_alert=min(alert.time for alert in alerts),
        alerts=len(alerts),
        ahead=max(ahead, default=None),
        strongest=tuple(terms[:STRONGEST]),
        further=tuple(terms[STRONGEST:]),
    )


def _depth(score: float, at: datetime) -> float:
    """Less by one for twice the score, and for a score so large a half-life later: everybody's decay alike, so at any
    moment whoever has less has the higher score."""
    if score <= 0:
        return WITHOUT_SCORE
    return -(math.log2(score) + (at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() / SECONDS / HALF_LIFE_DAYS)
