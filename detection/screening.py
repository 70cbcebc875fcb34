"""Whether a rule can find anything at all about a person, told from totals of the events that carry each tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from core.condition import Any, Between, Condition
from detection.correlations import Correlation
from detection.rule import Rule
from detection.totals import Total, together


class Screen:
    """The rules that are judged, by the tags they look at; `rules` are all there are. What it lets through bounds what
    a judgement finds: it never finds more."""

    def __init__(self, judged: Iterable[Rule], rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self._of: dict[str, list[Rule]] = {}
        summed: set[str] = set()
        for rule in judged:
            for tag in rule.leaves:
                self._of.setdefault(tag, []).append(rule)
            for one in (rule, *(rules[name] for name in rule.nested)):
                summed.update(_summed(one))
        self.fields = sorted(summed)
        """What sums are needed of."""

    @property
    def negative(self) -> Condition:
        """Events whose numbers take away from a sum: of who has such, sums bound nothing."""
        return Any(tuple(Between(name, high=-1) for name in self.fields))

    def may_find(self, tagged: Mapping[str, Total], *, leaver: bool) -> set[str]:
        """The names of the rules that may find something about a person with these totals by tag, who is a `leaver`
        where HR ever filed anything."""
        asked = {rule.name: rule for tag in tagged for rule in self._of.get(tag, ())}
        if not leaver:
            asked = {name: rule for name, rule in asked.items() if not (rule.leavers_only or rule.extra.for_stages)}
        happens: dict[str, Total] = {}
        for tag, total in tagged.items():
            seen = self._rules[tag].extra.first_seen
            # Without a past nothing is new.
            if seen is None or seen.known or total.age >= timedelta(days=seen.min_days):
                happens[tag] = total
        return {name for name, rule in asked.items() if self._may_find(rule, happens)}

    def _may_find(self, rule: Rule, happens: dict[str, Total]) -> bool:
        """Whether a rule may happen; `happens` tells of the rules that may, those below this one are added."""
        for name in rule.nested:
            if name not in happens and _holds(self._rules[name], happens):
                happens[name] = together(happens[leaf] for leaf in self._rules[name].leaves if leaf in happens)
        return _holds(rule, happens)


def _holds(rule: Rule, happens: Mapping[str, Total]) -> bool:
    if rule.behaviour:
        return rule.behaviour.may_find({name: happens[name] for name in rule.leaves if name in happens})
    totals = {name: happens[name] for name in rule.builds_on if name in happens}
    window = rule.correlation
    if window is None:
        return rule.name in happens
    if window.ways:
        return any(all(name in totals for name in way.present) for way in window.ways)
    whole = together(totals.values())
    if window.type in ("event_count", "value_count") and window.bounds.upwards:
        return _reaches(window, whole.events)
    if fields := _summed(rule):
        return _reaches(window, whole.sums.get(fields[0], 0))
    return bool(totals)


def _reaches(window: Correlation, most: float) -> bool:
    return most > window.limit if window.op == "gt" else most >= window.limit


def _summed(rule: Rule) -> tuple[str, ...]:
    """The fields of sums that have to grow to be over a limit."""
    if rule.behaviour:
        return rule.behaviour.summed
    window = rule.correlation
    return window.measure.fields if window and window.type == "value_sum" and window.bounds.upwards else ()
