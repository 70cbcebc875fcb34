"""Whether a rule can find anything at all about a person, told from how many events carry each tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detection.candidates import needed
from detection.rule import ORDERED, Rule

Tagged = Mapping[str, int]
"""How many events of a person carry each tag, at least."""


class Screen:
    """Rules by the tags they look at. What is told here bounds what a judgement finds: it never finds more."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._of: dict[str, list[Rule]] = {}
        for rule in rules:
            for tag in needed([rule]):
                self._of.setdefault(tag, []).append(rule)

    def may_find(self, tagged: Tagged) -> set[str]:
        """The names of the rules that may find something about a person with these tags."""
        asked = {rule.name: rule for tag in tagged for rule in self._of.get(tag, ())}
        return {name for name, rule in asked.items() if _may_find(rule, tagged)}


def _may_find(rule: Rule, tagged: Tagged) -> bool:
    window = rule.correlation
    if window is None:
        return True
    counts = [tagged.get(name, 0) for name in window.rules]
    if window.type in ORDERED:
        return all(counts)
    if window.type in ("event_count", "value_count"):
        return sum(counts) > window.limit if window.strictly else sum(counts) >= window.limit
    return True  # a sum may be reached by one event
