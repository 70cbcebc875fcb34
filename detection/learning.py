"""While a log is so young that nobody's usual can be known, what is found by a rule with a usual weighs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

from core.alert import Match
from detection.behaviours.company import Company
from detection.rule import Rule

LEARNING = "learning"
"""The fact that says how many days old the log would have to be."""


def weighed(rule: Rule, matches: Sequence[Match], company: Company) -> Sequence[Match]:
    """The matches, those without an own usual marked where nothing that the rule looks at had been heard of anybody
    `learning` days before.

    Whoever has no usual in an older log does not usually do it, and the plain limit stands.
    """
    usual = rule.extra.usual
    if usual is None or not usual.learning:
        return matches

    @cache
    def young(day: date) -> bool:
        first, last = day - timedelta(days=max(usual.days, 2 * usual.learning)), day - timedelta(days=usual.learning)
        return not company.days(rule.leaves, first, last)

    return [
        replace(match, facts={**match.facts, LEARNING: usual.learning})
        if "own_usual" not in match.facts and young(match.day)
        else match
        for match in matches
    ]
