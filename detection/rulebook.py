"""The rules in force: read from files, put in order, and compiled once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from pathlib import Path

from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from core.canonical import content_id
from core.errors import RuleError
from detection.behaviours.common import Common
from detection.behaviours.joint import Joint
from detection.behaviours.reading import Draft, behaviour_rule
from detection.correlations import references
from detection.pipelines import Pipeline
from detection.placeholders import is_table, placeholders_in
from detection.rule import Rule, correlation_rule, event_rule, name_of
from detection.rulefiles import Found, Parsed, Written, goes_by, parsed_in, texts_below, worked_in
from detection.values import Placeholders

ENGINE = "4"
"""Changes when the same rules would give other answers: every stored event is then tagged again."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Rules by name. `version` changes with any text of any rule, `reach` is the widest look back of any, in days;
    `origins` has the text of the files that made each rule what it is: its own, then those of filters on it and of the
    values of placeholders."""

    rules: Mapping[str, Rule]
    version: str
    reach: int
    texts: Mapping[str, str]
    origins: Mapping[str, str] = field(default_factory=dict)
    departing: bool = True

    @classmethod
    def load(cls, extra: Path | None = None) -> RuleBook:
        """Our own rules and those of a folder beside them. Raises `RuleError` naming the file."""
        texts = dict(texts_below(files("rules"), ""))
        if extra is not None:
            if not extra.is_dir():
                raise RuleError(f"{extra} is not a folder of rules")
            texts |= dict(texts_below(extra, f"{extra}/"))
        return cls.of(texts)

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> RuleBook:
        """The rules of some files, given as name and text."""
        worked = list(worked_in([rule for name, text in sorted(texts.items()) for rule in parsed_in(name, text)]))
        found = [(name, parsed) for name, parsed, _ in worked]
        rules: dict[str, Rule] = {}
        placeholders = placeholders_in(texts)
        names = names_of(found)
        ordered, left = in_order(found, names)
        if left:
            raise RuleError(circle_among(left, names))
        for name, parsed in ordered:
            try:
                rule = compiled(parsed, rules, names, placeholders)
            except (RuleError, SigmaError) as error:
                raise RuleError(f"{name}: {error}") from None
            if rule.name in rules:
                raise RuleError(f"{name}: a rule called {rule.name} is there already")
            rules[rule.name] = rule
        silence(rules)
        version = content_id(ENGINE, *(part for item in sorted(texts.items()) for part in item))
        reach = max((rule.reach for rule in rules.values()), default=0)
        tables = [file for file in sorted(texts) if is_table(file)]
        origins = {
            goes_by(rule): "".join(texts[file] for file in (name, *by, *(tables if "expand" in texts[name] else ())))
            for name, rule, by in worked
        }
        return cls(dict(sorted(rules.items())), version, reach, texts, origins)

    def with_texts(self, texts: Mapping[str, str]) -> RuleBook:
        """These rules and those of some more files; a rule or filter called like one of ours takes its place."""
        called = _called(texts)
        ours = {file: text for file, text in self.texts.items() if not called & _called({file: text})}
        changed = RuleBook.of(ours | dict(texts))
        return changed if self.departing else changed.without_departing()

    def without_departing(self) -> RuleBook:
        """These rules, where nobody is to be at the stage `pre_departure`: those that make it raise nothing."""
        rules = {
            name: rule.silent() if isinstance(rule.behaviour, Joint) else rule for name, rule in self.rules.items()
        }
        reach = max((rule.reach for rule in rules.values() if not isinstance(rule.behaviour, Joint)), default=0)
        version = content_id(self.version, "without departing")
        return replace(self, rules=rules, reach=reach, version=version, departing=False)

    def names_in(self, texts: Mapping[str, str]) -> set[str]:
        """The names of the rules in some files."""
        return {name for kind, name in _called(texts) if kind is not SigmaFilter}

    @property
    def of_stages(self) -> frozenset[str]:
        """The rules that make somebody's stage `pre_departure`."""
        return frozenset(rule.name for rule in self.judged if isinstance(rule.behaviour, Joint))

    @property
    def stages_bear(self) -> int:
        """For how many days after it a finding that made somebody's stage `pre_departure` may bear on what is found."""
        behaviours = [(rule.reach, rule.behaviour) for rule in self.judged]
        lasts = max((one.lasts for _, one in behaviours if isinstance(one, Joint)), default=0)
        # Findings one upon the other are one stage, of which only the beginning matters: a beginning that is not known
        # must lie so far back that nothing taken around it is read.
        around = max((reach + one.after for reach, one in behaviours if isinstance(one, Common)), default=0)
        return lasts + around + 1

    @property
    def event_rules(self) -> list[Rule]:
        return [rule for rule in self.rules.values() if rule.kind == "event"]

    @property
    def judged(self) -> list[Rule]:
        """The rules that raise alerts."""
        return [rule for rule in self.rules.values() if rule.alerts]


def _called(texts: Mapping[str, str]) -> set[tuple[type[Parsed], str]]:
    """What the rules and filters of some files go by."""
    found = (parsed for file, text in texts.items() for _, parsed in parsed_in(file, text))
    return {
        (SigmaFilter, parsed.name or str(parsed.id or parsed.title))
        if isinstance(parsed, SigmaFilter)
        else (SigmaRule, goes_by(parsed))
        for parsed in found
        if not isinstance(parsed, Pipeline)
    }


def names_of(found: Iterable[Found]) -> dict[str, str]:
    """The name that each rule goes by, by its name and by its id. Raises `RuleError`."""
    names: dict[str, str] = {}
    for file, parsed in found:
        try:
            names |= dict.fromkeys((_id(parsed), goes_by(parsed)), goes_by(parsed))
        except RuleError as error:
            raise RuleError(f"{file}: {error}") from None
    return names


def in_order(found: Sequence[Found], names: Mapping[str, str]) -> tuple[list[Found], list[Found]]:
    """The rules so that each comes after those it builds on; and those left that build on each other in a circle, or
    on such."""
    sorter = TopologicalSorter(_below(found, names))
    with suppress(CycleError):
        sorter.prepare()
    order: list[str] = []
    while ready := sorter.get_ready():
        order += ready
        sorter.done(*ready)
    place = {name: number for number, name in enumerate(order)}
    ordered: list[Found] = []
    left: list[Found] = []
    for item in found:
        stuck = isinstance(item[1], SigmaCorrelationRule) and name_of(item[1]) not in place
        (left if stuck else ordered).append(item)
    # Rules that build on nothing keep their places at the front; nothing builds on behaviours.
    last = len(place)
    return sorted(ordered, key=lambda i: last if isinstance(i[1], Draft) else place.get(name_of(i[1]), -1)), left


def circle_among(left: Sequence[Found], names: Mapping[str, str]) -> str:
    """What is wrong with rules of which some build on each other in a circle, one of their files first."""
    try:
        TopologicalSorter(_below(left, names)).prepare()
    except CycleError as error:
        circle = error.args[1]
        file = next(file for file, parsed in left if goes_by(parsed) == circle[0])
        return f"{file}: correlations build on each other in a circle: {' on '.join(circle)}"
    raise AssertionError(left)


def _below(found: Sequence[Found], names: Mapping[str, str]) -> dict[str, set[str]]:
    return {
        name_of(parsed): {names.get(str(one), "") for one in references(parsed)}
        for _, parsed in found
        if isinstance(parsed, SigmaCorrelationRule)
    }


def compiled(parsed: Written, known: Mapping[str, Rule], names: Mapping[str, str], placeholders: Placeholders) -> Rule:
    """The rule, over rules known already; `names` gives the name of each by its name or id. Raises `RuleError`."""
    if isinstance(parsed, SigmaRule):
        return event_rule(parsed, placeholders)
    if isinstance(parsed, Draft):
        return behaviour_rule(parsed, known)
    return correlation_rule(parsed, known, names)


def _id(parsed: Written) -> str:
    return parsed.head.id if isinstance(parsed, Draft) else str(parsed.id)


def silence(rules: dict[str, Rule]) -> None:
    """A rule that a window builds on raises no alert of its own, unless the window says `generate: true`."""
    windows = [(rule, window) for rule in rules.values() if (window := rule.behaviour or rule.correlation)]
    building = {base for rule, _ in windows for base in rule.builds_on}
    speaking = {base for rule, window in windows if window.generate for base in rule.builds_on}
    for name in building - speaking:
        rules[name] = rules[name].silent()
