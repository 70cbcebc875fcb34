"""The rules in force: Sigma files found by looking, checked, and compiled once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from core.canonical import content_id
from core.errors import RuleError
from detection.behaviours.joint import Joint
from detection.behaviours.reading import Draft, behaviour_rule, draft_of
from detection.correlations import for_pysigma, references
from detection.rule import Rule, correlation_rule, event_rule, name_of

ENGINE = "2"
"""Changes when the same rules would give other answers: every stored event is then tagged again."""

Parsed = SigmaRule | SigmaCorrelationRule | Draft
Found = tuple[str, Parsed]


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Rules by name. `version` changes with any text of any rule, `reach` is the widest look back of any, in days;
    `origins` has the text of the file that each rule came from."""

    rules: Mapping[str, Rule]
    version: str
    reach: int
    texts: Mapping[str, str]
    origins: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, extra: Path | None = None) -> RuleBook:
        """Our own rules and those of a folder beside them. Raises `RuleError` naming the file."""
        texts = dict(_texts(files("rules"), ""))
        if extra is not None:
            if not extra.is_dir():
                raise RuleError(f"{extra} is not a folder of rules")
            texts |= dict(_texts(extra, f"{extra}/"))
        return cls.of(texts)

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> RuleBook:
        """The rules of some files, given as name and text."""
        found = [rule for name, text in sorted(texts.items()) for rule in _parsed(name, text)]
        rules: dict[str, Rule] = {}
        names = _names(found)
        for name, parsed in _in_order(found, names):
            rule = _compiled(name, parsed, rules, names)
            if rule.name in rules:
                raise RuleError(f"{name}: a rule called {rule.name} is there already")
            rules[rule.name] = rule
        _silence(rules)
        version = content_id(ENGINE, *(part for item in sorted(texts.items()) for part in item))
        reach = max((rule.reach for rule in rules.values()), default=0)
        origins = {_name(parsed): texts[name] for name, parsed in found}
        return cls(dict(sorted(rules.items())), version, reach, texts, origins)

    def with_texts(self, texts: Mapping[str, str]) -> RuleBook:
        """These rules and those of some more files; a rule called like one of ours takes its place."""
        names = self.names_in(texts)
        ours = {file: text for file, text in self.texts.items() if not names & self.names_in({file: text})}
        return RuleBook.of(ours | dict(texts))

    def without_departing(self) -> RuleBook:
        """These rules, where nobody is to be at the stage `pre_departure`: those that make it raise nothing."""
        rules = {
            name: rule.silent() if isinstance(rule.behaviour, Joint) else rule for name, rule in self.rules.items()
        }
        reach = max((rule.reach for rule in rules.values() if not isinstance(rule.behaviour, Joint)), default=0)
        return replace(self, rules=rules, reach=reach, version=content_id(self.version, "without departing"))

    def names_in(self, texts: Mapping[str, str]) -> set[str]:
        """The names of the rules in some files."""
        return {_name(rule) for file, text in texts.items() for _, rule in _parsed(file, text)}

    @property
    def event_rules(self) -> list[Rule]:
        return [rule for rule in self.rules.values() if rule.kind == "event"]

    @property
    def judged(self) -> list[Rule]:
        """The rules that raise alerts."""
        return [rule for rule in self.rules.values() if rule.alerts]


def texts_at(path: Path) -> dict[str, str]:
    """The rule files at a path, which is one of them or a folder of them. Raises `RuleError`."""
    if path.is_dir():
        return dict(_texts(path, f"{path}/"))
    try:
        return {str(path): path.read_text(encoding="utf-8")}
    except FileNotFoundError:
        raise RuleError(f"{path}: there is no such rule, file or folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: {error}") from None


def _texts(folder: Traversable | Path, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            yield from _texts(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".yml", ".yaml")):
            try:
                yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise RuleError(f"{prefix}{entry.name}: is not UTF-8 text") from None


def _parsed(name: str, text: str) -> Iterator[Found]:
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RuleError(f"{name}:{line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise RuleError(f"{name}: {error}") from None
    for document in documents:
        if not isinstance(document, dict):
            raise RuleError(f"{name}: a rule is a table of keys")
        if "behaviour" in document:
            yield name, draft_of(name, document)
            continue
        try:
            # Resolving references waits until every file is read.
            (rule,) = SigmaCollection.from_dicts([for_pysigma(document)], resolve_references=False).rules
        except (RuleError, SigmaError, TypeError, ValueError, AttributeError) as error:
            raise RuleError(f"{name}: {error}") from None
        if not isinstance(rule, SigmaRule | SigmaCorrelationRule):
            raise RuleError(f"{name}: is neither a rule nor a correlation")
        yield name, rule


def _names(found: Sequence[Found]) -> dict[str, str]:
    """The name that each rule goes by, by its name and by its id. Raises `RuleError`."""
    names: dict[str, str] = {}
    for file, parsed in found:
        try:
            names |= dict.fromkeys((_id(parsed), _name(parsed)), _name(parsed))
        except RuleError as error:
            raise RuleError(f"{file}: {error}") from None
    return names


def _in_order(found: Sequence[Found], names: Mapping[str, str]) -> list[Found]:
    """The rules so that each comes after those it builds on. Raises `RuleError` where there is a circle."""
    below = {
        name_of(parsed): {names.get(str(one), "") for one in references(parsed)}
        for _, parsed in found
        if isinstance(parsed, SigmaCorrelationRule)
    }
    try:
        place = {name: number for number, name in enumerate(TopologicalSorter(below).static_order())}
    except CycleError as error:
        circle = " on ".join(error.args[1])
        file = next(file for file, parsed in found if _name(parsed) == error.args[1][0])
        raise RuleError(f"{file}: correlations build on each other in a circle: {circle}") from None
    # Rules that build on nothing keep their places at the front; nothing builds on behaviours.
    return sorted(found, key=lambda item: len(place) if isinstance(item[1], Draft) else place.get(_name(item[1]), -1))


def _compiled(name: str, parsed: Parsed, known: Mapping[str, Rule], names: Mapping[str, str]) -> Rule:
    try:
        if isinstance(parsed, SigmaRule):
            return event_rule(parsed)
        if isinstance(parsed, Draft):
            return behaviour_rule(parsed, known)
        return correlation_rule(parsed, known, names)
    except SigmaError as error:
        raise RuleError(f"{name}: {error}") from None
    except RuleError as error:
        raise RuleError(f"{name}: {error}") from None


def _id(parsed: Parsed) -> str:
    return parsed.head.id if isinstance(parsed, Draft) else str(parsed.id)


def _name(parsed: Parsed) -> str:
    return parsed.name if isinstance(parsed, Draft) else name_of(parsed)


def _silence(rules: dict[str, Rule]) -> None:
    """A rule that a window builds on raises no alert of its own, unless the window says `generate: true`."""
    windows = [(rule, window) for rule in rules.values() if (window := rule.behaviour or rule.correlation)]
    building = {base for rule, _ in windows for base in rule.builds_on}
    speaking = {base for rule, window in windows if window.generate for base in rule.builds_on}
    for name in building - speaking:
        rules[name] = rules[name].silent()
