"""Files of rules: found by looking, parsed and checked one by one, with the line of what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule, SigmaRuleReference
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from core.errors import RuleError
from detection.behaviours.reading import Draft, draft_of
from detection.correlations import for_pysigma, references
from detection.pipelines import Pipeline, broken, change, is_pipeline, over, pipeline_of
from detection.placeholders import is_table
from detection.rule import name_of
from detection.yamlfiles import documents_in, larger_than, line_of

Written = SigmaRule | SigmaCorrelationRule | Draft
Parsed = Written | SigmaFilter | Pipeline
Found = tuple[str, Written]
"""A rule and the file it is in."""
LARGEST = 100_000
"""Values in one document."""
_MEANT = re.compile(r"""^[ \t{"']*transformations["']?[ \t]*:""", re.MULTILINE)
"""What tells that a file that cannot be read was meant to be a pipeline."""


def texts_at(path: Path) -> dict[str, str]:
    """The rule files at a path, which is one of them or a folder of them. Raises `RuleError`."""
    if path.is_dir():
        return dict(texts_below(path, f"{path}/"))
    try:
        return {str(path): path.read_text(encoding="utf-8")}
    except FileNotFoundError:
        raise RuleError(f"{path}: there is no such rule, file or folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: {error}") from None


def texts_below(folder: Traversable | Path, prefix: str) -> Iterator[tuple[str, str]]:
    """Name and text of every rule file in a folder and below. Raises `RuleError`."""
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            yield from texts_below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".yml", ".yaml")):
            try:
                yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise RuleError(f"{prefix}{entry.name}: is not UTF-8 text") from None
            except OSError as error:
                raise RuleError(f"{prefix}{entry.name}: {error.strerror}") from None


def parsed_files(texts: Mapping[str, str]) -> tuple[list[tuple[str, Parsed]], list[str]]:
    """Every rule, filter and pipeline of some files, and for each file that is none what is wrong with it, with its
    line."""
    found: list[tuple[str, Parsed]] = []
    problems: list[str] = []
    for name, text in sorted(texts.items()):
        try:
            found += list(parsed_in(name, text))
        except RuleError as error:
            problems.append(str(error))
            found += [(name, broken("cannot be read"))] if _MEANT.search(text) else []
    return found, problems


def has_pipeline(name: str, text: str) -> bool:
    """Whether a file has a pipeline that can be read."""
    if "transformations" not in text:
        return False
    try:
        return any(isinstance(parsed, Pipeline) for _, parsed in parsed_in(name, text))
    except RuleError:
        return False


def filtered(found: Iterable[tuple[str, Parsed]]) -> tuple[list[Found], list[tuple[Found, RuleError]]]:
    """The rules, with the filters and pipelines among them worked in; and those that a pipeline fails at, and how."""
    failed: list[tuple[Found, RuleError]] = []
    worked = worked_in(list(found), lambda file, rule, error: failed.append(((file, rule), error)))
    return [(name, rule) for name, rule, _ in worked], failed


def worked_in(
    found: Sequence[tuple[str, Parsed]], failed: Callable[[str, Written, RuleError], None] | None = None
) -> Iterator[tuple[str, Written, list[str]]]:
    """The rules, with the filters and pipelines among them worked in, and the files of those that changed each. Where
    a pipeline fails at a rule, `failed` is told, if there is one. Raises `RuleError` else."""
    filters = [(file, filter_) for file, filter_ in found if isinstance(filter_, SigmaFilter)]
    pipelines = [(file, pipeline) for file, pipeline in found if isinstance(pipeline, Pipeline)]
    for name, rule in found:
        if isinstance(rule, SigmaFilter | Pipeline):
            continue
        changed_by = []
        if isinstance(rule, SigmaRule):
            for file, filter_ in filters:
                before = list(rule.detection.condition)
                filter_.apply_on_rule(rule)
                if rule.detection.condition != before:
                    changed_by.append(file)
        if not isinstance(rule, Draft) and (own := over(name, pipelines)):
            if isinstance(rule, SigmaCorrelationRule):
                _resolve(rule, found)
            changed_by += [file for file, _ in own]
            try:
                change(rule, [pipeline for _, pipeline in own])
            except RuleError as error:
                told = RuleError(f"{', '.join(file for file, _ in own)}: {error}")
                if failed is None:
                    raise RuleError(f"{name}: {told}") from None
                failed(name, rule, told)
                continue
        yield name, rule, changed_by


def _resolve(rule: SigmaCorrelationRule, found: Iterable[tuple[str, Parsed]]) -> None:
    """Let a correlation know the rules it builds on, as far as these are there: conditions of pipelines ask."""
    known = {
        name: other
        for _, other in found
        if isinstance(other, SigmaRule | SigmaCorrelationRule)
        for name in (other.name, str(other.id))
    }
    rule.referenced_rules = []
    for name in references(rule):
        reference = SigmaRuleReference(name)
        if name in known:
            reference.rule = known[name]
            rule.referenced_rules.append(reference)


def parsed_in(name: str, text: str) -> Iterator[tuple[str, Parsed]]:
    """The rules of one file. Raises `RuleError` with its line."""
    for number, document in enumerate(() if is_table(name) else documents_in(name, text)):
        if document is None:
            continue
        try:
            yield name, _rule(document)
        except RuleError as error:
            raise RuleError(f"{name}:{line_of(text, number)}: {error}") from None


def _rule(document: object) -> Parsed:
    if not isinstance(document, dict):
        raise RuleError("a rule is a table of keys")
    if larger_than(document, LARGEST):
        raise RuleError(f"a rule has more than {LARGEST} values")
    if "behaviour" in document:
        return draft_of(document)
    if is_pipeline(document):
        return pipeline_of(document)
    try:
        # Resolving references waits until every file is read.
        collection = SigmaCollection.from_dicts([for_pysigma(document)], resolve_references=False)
        found: list[object] = [*collection.rules, *collection.filters]
        rule = found[0] if len(found) == 1 else None
    except (SigmaError, TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError) as error:
        raise RuleError(str(error) or type(error).__name__) from None
    if not isinstance(rule, SigmaRule | SigmaCorrelationRule | SigmaFilter):
        raise RuleError("is neither a rule nor a correlation nor a filter")
    return rule


def goes_by(parsed: Written) -> str:
    """The name of a rule. Raises `RuleError` where it has none."""
    return parsed.name if isinstance(parsed, Draft) else name_of(parsed)
