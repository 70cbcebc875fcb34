"""Whether a rule can find anything at all about a person, told from totals of the events that carry each tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.condition import Any, Between, Condition
from detection.correlations import Correlation
from detection.rule import Rule


@dataclass(slots=True)
class Total:
    """Of a person's events with one tag, how many there are and what their numbers add up to; or more."""

    events: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, events: int, sums: Mapping[str, float]) -> None:
        self.events += events
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0) + value


class Screen:
    """Rules by the tags they look at. What it lets through bounds what a judgement finds: it never finds more."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._of: dict[str, list[Rule]] = {}
        for rule in rules:
            for tag in rule.leaves:
                self._of.setdefault(tag, []).append(rule)
        self.fields = sorted({name for rule in rules for name in _summed(rule)})
        """What sums are needed of."""

    @property
    def negative(self) -> Condition:
        """Events whose numbers take away from a sum: of who has such, sums bound nothing."""
        return Any(tuple(Between(name, high=-1) for name in self.fields))

    def may_find(self, tagged: Mapping[str, Total]) -> set[str]:
        """The names of the rules that may find something about a person with these totals by tag."""
        asked = {rule.name: rule for tag in tagged for rule in self._of.get(tag, ())}
        return {name for name, rule in asked.items() if _may_find(rule, tagged)}


def _may_find(rule: Rule, tagged: Mapping[str, Total]) -> bool:
    window = rule.correlation
    if window is None or rule.nested:
        return True
    totals = [tagged[name] for name in window.rules if name in tagged]
    if window.ways:
        return any(all(name in tagged for name in way.present) for way in window.ways)
    if window.type in ("event_count", "value_count") and window.bounds.upwards:
        return _reaches(window, sum(total.events for total in totals))
    if fields := _summed(rule):
        return _reaches(window, sum(total.sums[fields[0]] for total in totals))
    return True


def _reaches(window: Correlation, most: float) -> bool:
    return most > window.limit if window.op == "gt" else most >= window.limit


def _summed(rule: Rule) -> tuple[str, ...]:
    """The field of a sum that has to grow to be over a limit."""
    window = rule.correlation
    return window.measure.fields if window and window.type == "value_sum" and window.bounds.upwards else ()
