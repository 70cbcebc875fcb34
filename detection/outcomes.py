"""From matches to alerts: each with its ledger, what speaks for the person in it, or suppressed; none is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from core.alert import MAX_EVENTS, Alert, Match, Outcome, Term, alert_id
from core.errors import Unbalanced
from core.person import Stage
from detection.bench import Bench
from detection.candidates import needed
from detection.departing import stage_with
from detection.exceptions import explaining, reason_of
from detection.finding import Key
from detection.risk import ledger, post_of, sum_of

AFTERWARDS = ", afterwards"


def balance(matches: Collection[Key], alerts: Sequence[Alert]) -> None:
    """Raises `Unbalanced` where a match has become nothing, or anything has come of no match."""
    counted = Counter(alert.id for alert in alerts)
    if counted != Counter(alert_id(*match) for match in matches):
        lost = len({alert_id(*match) for match in matches} - counted.keys())
        raise Unbalanced(f"{len(matches)} matches, {len(alerts)} outcomes, {lost} matches without one")


class Outcomes:
    """What becomes of the matches of some persons. `departing` are findings that make a stage `pre_departure`."""

    def __init__(self, events: pl.DataFrame, bench: Bench, departing: Sequence[Match]) -> None:
        self._events = events
        self._bench = bench
        self._departing = departing

    def of(self, found: Sequence[Mapping[Key, Match]]) -> Iterator[Alert]:
        """An alert for every match that something is left of, a suppressed one for every other."""
        everything, early, late = found
        for key in everything.keys() | early.keys():
            whole, rest, end = everything.get(key), early.get(key), late.get(key)
            if whole == rest == end and whole is not None:
                yield self.alert(whole)
            else:
                yield self._explained(whole, rest, end)

    def _explained(self, whole: Match | None, rest: Match | None, end: Match | None) -> Alert:
        """A match of which something was explained: what that takes away stands in the ledger."""
        early = self._labels(whole, late=False) if whole and whole != rest else []
        match = (rest if early else whole) or rest or whole
        assert match is not None  # noqa: S101
        terms = list(self._terms(whole or match))
        if early:
            terms += _less(terms, sum_of(self._terms(rest)) if rest else 0.0, early, None)
        suppressed = rest is None and bool(early)
        after = [] if suppressed or rest == end else self._labels(match, late=True)
        after = [label for label in after if label not in early]
        if after:
            filed = max(self._bench.grounds.labels[label].filed for label in after)
            terms += _less(terms, sum_of(self._terms(end)) if end else 0.0, after, filed)
        return self._alert(match, tuple(terms), suppressed=suppressed, labels=[*early, *after])

    def _labels(self, match: Match, *, late: bool) -> list[str]:
        """What explains some of a match's events; of more events than a match names, those of its days."""
        rule, calendar = self._bench.book.rules[match.rule], self._bench.directory.calendar
        own = self._events.filter((pl.col("person.id") == match.person) & (pl.col("day") <= match.day))
        named = own.filter(pl.col("event.id").is_in(list(match.events)))
        found = explaining(rule, named, self._bench.grounds, calendar, late=late)
        if found or len(match.events) < MAX_EVENTS:
            return found
        tagged = pl.col("rule.matched").list.set_intersection(sorted(needed([rule]))).list.len() > 0
        first = match.day - timedelta(days=rule.window)
        return explaining(rule, own.filter(tagged & (pl.col("day") >= first)), self._bench.grounds, calendar, late=late)

    def _terms(self, match: Match) -> tuple[Term, ...]:
        post = post_of(self._bench.directory.person(match.person), self._bench.posts)
        return ledger(match, self._bench.book.rules[match.rule], self._stage(match), post)

    def alert(self, match: Match) -> Alert:
        """The alert of a match of which nothing is explained."""
        return self._alert(match, self._terms(match))

    def _alert(
        self, match: Match, terms: tuple[Term, ...], *, suppressed: bool = False, labels: Sequence[str] = ()
    ) -> Alert:
        return Alert(
            id=alert_id(match.rule, match.person, match.day),
            rule=match.rule,
            person=match.person,
            day=match.day,
            time=match.time,
            severity=self._bench.book.rules[match.rule].level,
            score=sum_of(terms),
            terms=terms,
            facts=match.facts,
            events=match.events,
            stage=self._stage(match).value,
            outcome=Outcome.SUPPRESSED if suppressed else Outcome.ALERT,
            grounds=tuple(labels),
            why="; ".join(dict.fromkeys(reason_of(self._bench.grounds.labels[label]) for label in labels)),
        )

    def _stage(self, match: Match) -> Stage:
        filed = self._bench.directory.stage(match.person, match.time)
        own = [sign for sign in self._departing if sign.person == match.person]
        return stage_with(own, filed, match.time)


def _less(terms: Sequence[Term], score: float, labels: Sequence[str], since: datetime | None) -> list[Term]:
    """The term that lowers a ledger to a score, where it is above that."""
    points = round(score - sum_of(terms), 2)
    name = ", ".join(labels) + (AFTERWARDS if since else "")
    return [Term(name=name, points=min(0.0, points), since=since)]
