"""The rules in force: Sigma files found by looking, checked, and compiled once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from core.canonical import content_id
from core.errors import RuleError
from detection.rule import Rule, correlation_rule, event_rule, name_of

ENGINE = "2"
"""Changes when the same rules would give other answers: every stored event is then tagged again."""

Parsed = SigmaRule | SigmaCorrelationRule | SigmaFilter
LARGEST = 100_000
"""Values in one document, those that aliases repeat counted each time."""


# The same safe loader in C, where there is one.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Rules by name. `version` changes with any text of any rule, `reach` is the widest look back of any, in days."""

    rules: Mapping[str, Rule]
    version: str
    reach: int
    texts: Mapping[str, str]

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
        found = filtered([rule for name, text in sorted(texts.items()) for rule in _parsed(name, text)])
        rules: dict[str, Rule] = {}
        for name, parsed in sorted(found, key=lambda item: isinstance(item[1], SigmaCorrelationRule)):
            rule = _compiled(name, parsed, rules)
            if rule.name in rules:
                raise RuleError(f"{name}: a rule called {rule.name} is there already")
            rules[rule.name] = rule
        _silence(rules)
        version = content_id(ENGINE, *(part for item in sorted(texts.items()) for part in item))
        return cls(dict(sorted(rules.items())), version, max((rule.reach for rule in rules.values()), default=0), texts)

    def with_texts(self, texts: Mapping[str, str]) -> RuleBook:
        """These rules and those of some more files; a rule called like one of ours takes its place."""
        names = self.names_in(texts)
        ours = {file: text for file, text in self.texts.items() if not names & self.names_in({file: text})}
        return RuleBook.of(ours | dict(texts))

    def names_in(self, texts: Mapping[str, str]) -> set[str]:
        """The names of the rules in some files."""
        return {name_of(rule) for file, text in texts.items() for _, rule in filtered(_parsed(file, text))}

    @property
    def event_rules(self) -> list[Rule]:
        return [rule for rule in self.rules.values() if rule.kind == "event"]

    @property
    def judged(self) -> list[Rule]:
        """The rules that raise alerts."""
        return [rule for rule in self.rules.values() if rule.alerts]


def _texts(folder: Traversable | Path, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            yield from _texts(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".yml", ".yaml")):
            try:
                yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise RuleError(f"{prefix}{entry.name}: is not UTF-8 text") from None


def parsed_files(texts: Mapping[str, str]) -> tuple[list[tuple[str, Parsed]], list[str]]:
    """Every rule of some files, and for each file that is none what is wrong with it, with its line."""
    found: list[tuple[str, Parsed]] = []
    problems: list[str] = []
    for name, text in sorted(texts.items()):
        try:
            found += list(_parsed(name, text))
        except RuleError as error:
            problems.append(str(error))
    return found, problems


def filtered(found: Iterable[tuple[str, Parsed]]) -> list[tuple[str, SigmaRule | SigmaCorrelationRule]]:
    """The rules, with the filters among them worked in."""
    everything = list(found)
    filters = [filter_ for _, filter_ in everything if isinstance(filter_, SigmaFilter)]
    rules = []
    for name, rule in everything:
        if isinstance(rule, SigmaFilter):
            continue
        for filter_ in filters:
            rule = filter_.apply_on_rule(rule)
        rules.append((name, rule))
    return rules


def _parsed(name: str, text: str) -> Iterator[tuple[str, Parsed]]:
    try:
        documents = list(yaml.load_all(text, _Loader))
    except yaml.MarkedYAMLError as error:
        line = min(error.problem_mark.line, text.count("\n", 0, len(text.rstrip()))) + 1 if error.problem_mark else 1
        raise RuleError(f"{name}:{line}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise RuleError(f"{name}:1: {error}") from None
    for number, document in enumerate(documents):
        if document is None:
            continue
        try:
            yield name, _rule(document)
        except RuleError as error:
            raise RuleError(f"{name}:{_line(text, number)}: {error}") from None


def _rule(document: object) -> Parsed:
    if not isinstance(document, dict):
        raise RuleError("a rule is a table of keys")
    if _larger(document):
        raise RuleError(f"a rule has more than {LARGEST} values")
    try:
        # Resolving references waits until every file is read.
        collection = SigmaCollection.from_dicts([document], resolve_references=False)
        found: list[object] = [*collection.rules, *collection.filters]
        (rule,) = found
    except (SigmaError, TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError) as error:
        raise RuleError(str(error) or type(error).__name__) from None
    if not isinstance(rule, SigmaRule | SigmaCorrelationRule | SigmaFilter):
        raise RuleError("is neither a rule nor a correlation nor a filter")
    return rule


def _larger(document: object) -> bool:
    waiting, seen = [document], 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen > LARGEST:
            return True
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _line(text: str, number: int) -> int:
    """The line on which a document begins."""
    for place, node in enumerate(yaml.compose_all(text, _Loader)):
        if place == number and node is not None:
            return int(node.start_mark.line) + 1
    return 1


def _compiled(name: str, parsed: SigmaRule | SigmaCorrelationRule, known: Mapping[str, Rule]) -> Rule:
    try:
        if isinstance(parsed, SigmaRule):
            return event_rule(parsed)
        return correlation_rule(parsed, known)
    except SigmaError as error:
        raise RuleError(f"{name}: {error}") from None
    except RuleError as error:
        raise RuleError(f"{name}: {error}") from None


def _silence(rules: dict[str, Rule]) -> None:
    """A rule that a correlation builds on raises no alert of its own, unless the correlation says `generate: true`."""
    building = {base for rule in rules.values() if rule.correlation for base in rule.correlation.rules}
    speaking = {
        base
        for rule in rules.values()
        if rule.correlation and rule.correlation.generate
        for base in rule.correlation.rules
    }
    for name in building - speaking:
        rules[name] = rules[name].silent()
