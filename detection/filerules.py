"""Rules over the records of a file, without a store: of any product, and correlations over whatever fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from core.errors import RuleError
from detection.correlations import references
from detection.logsource import in_records, names_in_records
from detection.node import Node
from detection.placeholders import placeholders_in
from detection.rule import Extra, Rule, correlation_rule, plain_rule
from detection.rulebook import circle_among, in_order, names_of, silence
from detection.rulefiles import Found, Written, filtered, goes_by, parsed_files
from detection.values import Placeholders

TEXT, NUMBER, ALIAS = "=", "#", "~"
"""What the names of columns begin with: a field's text, its number, what an alias stands for."""


class Recorded:
    """Fields of records, which may be called anything (adapter of `detection.correlations.Fields`)."""

    def grouped(self, where: str, name: object) -> str:
        if not isinstance(name, str) or not name:
            raise RuleError(f"{where}: {name} is no name of a field")
        return TEXT + name

    def added(self, name: str) -> str:
        return NUMBER + name

    def alias(self, name: str) -> str:
        return ALIAS + name


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """Rules ready to be put to records: `single` ones with their conditions, and in `rules`, by name, correlations and
    the single-event rules that these build on (`building`: their names by their places in `single`). `refused` says why
    others cannot run."""

    single: Sequence[SigmaRule]
    conditions: Sequence[Node]
    rules: Mapping[str, Rule]
    building: Mapping[int, str]
    refused: Sequence[str]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> FileRules:
        """The rules of some files, given as name and text."""
        parsed, refused = parsed_files(texts)
        placeholders: Placeholders = {}
        try:
            placeholders = placeholders_in(texts)
        except RuleError as error:
            refused.append(str(error))
        found, failed = filtered(parsed)
        refused += [f"{file}: {error}" for (file, _), error in failed]
        single: list[SigmaRule] = []
        conditions: list[Node] = []
        for file, rule in found:
            if isinstance(rule, SigmaRule):
                try:
                    conditions.append(_condition(rule, placeholders))
                    single.append(rule)
                except RuleError as error:
                    refused.append(f"{file}: {error}")
            elif not isinstance(rule, SigmaCorrelationRule):
                refused.append(f"{file}: a behaviour needs the store")
        rules, building = _with_windows(found, single, refused)
        return cls(single=single, conditions=conditions, rules=rules, building=building, refused=refused)

    @property
    def windows(self) -> list[Rule]:
        """The correlations that are told of."""
        return [rule for rule in self.rules.values() if rule.correlation and rule.alerts]

    @property
    def quiet(self) -> frozenset[int]:
        """The single-event rules, by their places, that are nothing but building blocks."""
        return frozenset(number for number, name in self.building.items() if not self.rules[name].alerts)

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The columns that windows look at, and for each the names that its field may have in records."""
        names: dict[str, dict[str, None]] = {}
        sources = {name: self.single[number].logsource for number, name in self.building.items()}
        for rule in self.rules.values():
            for column in sorted(rule.fields - {"person.id"}):
                for leaf in rule.leaves:
                    names.setdefault(column, {}).update(dict.fromkeys(names_in_records(sources[leaf], column[1:])))
        return {column: tuple(own) for column, own in names.items()}


def _condition(rule: SigmaRule, placeholders: Placeholders) -> Node:
    if "first_seen" in rule.custom_attributes:
        raise RuleError("`first_seen` needs the store")
    return in_records(rule, placeholders)


def _with_windows(
    found: Sequence[Found], single: Sequence[SigmaRule], refused: list[str]
) -> tuple[dict[str, Rule], dict[int, str]]:
    """The correlations, and the rules they build on, by name; and which of the single-event rules these are."""
    windows = [(file, rule) for file, rule in found if isinstance(rule, SigmaCorrelationRule) and _name(rule)]
    unnamed = [file for file, rule in found if isinstance(rule, SigmaCorrelationRule) and not _name(rule)]
    refused += [f"{file}: a correlation needs a name or an id" for file in unnamed]
    names = names_of([(file, rule) for file, rule in found if _name(rule)])
    asked = {names.get(one) for _, window in windows for one in _asked(window)}
    building = {number: name for number, rule in enumerate(single) if (name := _name(rule)) and name in asked}
    rules = {name: plain_rule(single[number], Extra()) for number, name in building.items()}
    doubled = {name for name, count in Counter(building.values()).items() if count > 1}
    ordered, circles = in_order(windows, names)
    for file, window in ordered:
        try:
            rule = _compiled(window, rules, names, doubled)
            rules[rule.name] = rule
        except (RuleError, SigmaError) as error:
            refused.append(f"{file}: {error}")
    refused += [f"{file}: {circle_among(circles, names)}" for file, _ in circles]
    silence(rules)
    return rules, building


def _compiled(window: Written, known: Mapping[str, Rule], names: Mapping[str, str], doubled: Set[str]) -> Rule:
    for one in _asked(window):
        if names.get(one) in doubled:
            raise RuleError(f"there are several rules called {one}")
        if one in names and names[one] not in known:
            raise RuleError(f"{one}, which it builds on, cannot be run")
    if not isinstance(window, SigmaCorrelationRule):
        raise TypeError(window)
    rule = correlation_rule(window, known, names, Recorded())
    for key in ("usual", "for_stages"):
        if getattr(rule.extra, key):
            raise RuleError(f"`{key}` needs the store")
    if rule.name in known:
        raise RuleError(f"a rule called {rule.name} is there already")
    return rule


def _asked(window: Written) -> tuple[str, ...]:
    return tuple(map(str, references(window))) if isinstance(window, SigmaCorrelationRule) else ()


def _name(rule: Written) -> str:
    try:
        return goes_by(rule)
    except RuleError:
        return ""
