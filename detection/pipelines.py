"""Processing pipelines of pySigma: files among files of rules that change the rules beside and below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.processing.conditions import IncludeFieldCondition, MatchStringCondition
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ReplaceStringTransformation
from sigma.rule import SigmaDetection, SigmaRule
from sigma.types import Placeholder, SigmaString

from core.errors import RuleError
from detection.correlations import with_changed_field
from detection.linear import LinearPattern
from detection.yamlfiles import larger_than

OF_RULES = frozenset({"detection", "correlation", "behaviour", "filter", "title"})
OF_QUERIES = frozenset({"postprocessing", "finalizers", "allowed_backends"})
"""What speaks of another engine's queries changes no rule."""
RUN = frozenset(
    {
        "field_name_mapping",
        "field_name_prefix_mapping",
        "field_name_prefix",
        "field_name_suffix",
        "drop_detection_item",
        "hashes_fields",
        "wildcard_placeholders",
        "value_placeholders",
        "add_condition",
        "change_logsource",
        "add_field",
        "remove_field",
        "set_field",
        "replace_string",
        "map_string",
        "set_state",
        "regex",
        "set_value",
        "convert_type",
        "case",
        "set_custom_attribute",
        "rule_failure",
        "detection_item_failure",
        "strict_field_mapping_failure",
    }
)
"""The transformations that change nothing but the rule, and need nothing but it."""
MOST, LONGEST, STEPS, TEXT = 10_000, 1_000, 200, 1_000_000
"""Values in a pipeline, characters of one of them, steps for one rule, characters of a rule that is changed."""
ITEMS = 100_000
"""Tests and values of a rule that is changed, and the fields that it names."""
MAPPED = frozenset({"field_name_mapping", "field_name_prefix_mapping", "map_string"})
WRONG = (
    SigmaError,
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
    NotImplementedError,
)
"""What pySigma raises about what stands in a file."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline, ready to be applied; `wrong` is why it cannot be. `steps` are what its items were made from."""

    made: ProcessingPipeline
    steps: Sequence[Mapping[str, Any]] = ()
    wrong: str = ""


def is_pipeline(document: object) -> bool:
    """Whether a document of a YAML file is a pipeline."""
    return isinstance(document, dict) and "transformations" in document and not OF_RULES & document.keys()


def pipeline_of(document: Mapping[str, Any]) -> Pipeline:
    """The pipeline of a document. Raises `RuleError`."""
    if larger_than(document, MOST) or any(len(text) > LONGEST for text in _texts(document)):
        raise RuleError(f"a pipeline has at most {MOST} values, of {LONGEST} characters")
    steps = document["transformations"]
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise RuleError("`transformations` is a list of steps")
    if len(steps) > STEPS:
        raise RuleError(f"a pipeline has at most {STEPS} steps")
    for step in steps:
        _checked(step)
    kept = {key: value for key, value in document.items() if key not in OF_QUERIES}
    try:
        made = ProcessingPipeline.from_dict(kept)
        if not isinstance(made.priority, int):
            raise TypeError("`priority` is a whole number")
        for item in made.items:
            _in_linear_time(item)
    except WRONG as error:
        raise RuleError(_short(error)) from None
    return Pipeline(made, steps)


def _checked(step: Mapping[str, Any]) -> None:
    """Raises `RuleError` where a step is none that is run here, or pySigma would take it and do something else."""
    kind = step.get("type")
    if not isinstance(kind, str) or kind not in RUN:
        raise RuleError(f"the transformation {str(kind)[:100]} is not run here: it needs more than the rule")
    if kind in MAPPED and not _is_mapping(step.get("mapping")):
        raise RuleError(f"{kind}: `mapping` is a table of texts, each with a text or a list of texts")
    if kind == "add_condition" and not (isinstance(tests := step.get("conditions"), dict) and tests):
        raise RuleError(f"{kind}: `conditions` is a table of fields and their values")
    if kind == "convert_type" and step.get("target_type") not in ("str", "num"):
        raise RuleError(f"{kind}: `target_type` is `str` or `num`")


def _is_mapping(mapping: object) -> bool:
    """Whether something maps names to one or several; what keywords are in has no name."""
    return isinstance(mapping, dict) and all(
        isinstance(name, str | None) and all(isinstance(one, str) for one in (to if isinstance(to, list) else [to]))
        for name, to in mapping.items()
    )


def broken(why: str) -> Pipeline:
    """What stands for a pipeline that cannot be read: no rule below it can be run."""
    return Pipeline(ProcessingPipeline(), wrong=why)


def over(file: str, pipelines: Iterable[tuple[str, Pipeline]]) -> list[tuple[str, Pipeline]]:
    """Those of some files that change the rules of a file: they lie beside it or above. In the order in which they
    are applied."""
    here = (item for item in pipelines if _below(file, item[0].rpartition("/")[0]))
    return sorted(here, key=lambda item: (item[1].made.priority, item[0]))


def _below(file: str, folder: str) -> bool:
    """Files without a folder are beside each other, and above nothing: our own rules go by such names."""
    return file.startswith(f"{folder}/") if folder else "/" not in file


def change(rule: SigmaRule | SigmaCorrelationRule, pipelines: Sequence[Pipeline]) -> None:
    """Change a rule by some pipelines, one after the other; what they know of their steps they know together. Raises
    `RuleError`, also where the rule grows beyond bounds."""
    together = ProcessingPipeline()
    if sum(len(one.steps) for one in pipelines) > STEPS:
        raise RuleError(f"the pipelines of a rule have more than {STEPS} steps")
    for one in pipelines:
        if one.wrong:
            raise RuleError(one.wrong)
        one.made.applied_ids, one.made.state = together.applied_ids, together.state
        one.made.field_name_applied_ids = together.field_name_applied_ids
        one.made.field_mappings = together.field_mappings
        for number, (step, item) in enumerate(zip(one.steps, one.made.items, strict=True), start=1):
            try:
                _bounded(rule, step, one.made.vars)
                if item.apply(rule) and item.identifier:
                    together.applied_ids.add(str(item.identifier))
            except WRONG as error:
                raise RuleError(f"step {number}, {step['type']}: {_short(error)}") from None
        _bounded(rule, {}, {})
    if isinstance(rule, SigmaCorrelationRule):
        with_changed_field(rule)


def _short(error: Exception) -> str:
    return str(error)[:300] or type(error).__name__


def _in_linear_time(item: ProcessingItem) -> None:
    if isinstance(step := item.transformation, ReplaceStringTransformation):
        step.re = LinearPattern(step.regex)  # type: ignore[assignment]
    for conditions in (item.rule_conditions, item.detection_item_conditions, item.field_name_conditions):
        for one in conditions.values() if isinstance(conditions, dict) else conditions:
            if isinstance(one, MatchStringCondition):
                one.re = LinearPattern(one.pattern)  # type: ignore[assignment]
            elif isinstance(one, IncludeFieldCondition) and one.mode == "re":
                one.patterns = [LinearPattern(name) for name in one.fields]  # type: ignore[misc]


def _bounded(rule: SigmaRule | SigmaCorrelationRule, step: Mapping[str, Any], values: object) -> None:
    """Raises `RuleError` where a rule is too large already, or may come to be by one more step; `values` are those of
    placeholders."""
    items, text, placeholders = _size(rule)
    made = [*_lists(step.get("mapping")), *_lists(step.get("conditions"))]
    widest = max([1, *map(len, made)])
    if step.get("type") == "value_placeholders":
        widest = max([1, *map(len, _lists(values))]) ** min(placeholders, 10)
    longest = max((len(value) for value in _texts([step, values])), default=1)
    grows = text if step.get("type") == "replace_string" else items
    if items * widest > ITEMS or text + grows * longest > 20 * TEXT or text > TEXT:
        raise RuleError("the pipeline makes the rule too large")


def _size(rule: SigmaRule | SigmaCorrelationRule) -> tuple[int, int, int]:
    """How many tests, values and fields a rule has, how many characters, and the most placeholders in one value.
    Raises `RuleError` where a field is no text."""
    waiting: list[Any] = list(rule.detection.detections.values()) if isinstance(rule, SigmaRule) else []
    named = [*rule.fields, *(_grouped(rule) if isinstance(rule, SigmaCorrelationRule) else ())]
    if not all(isinstance(name, str) for name in named):
        raise RuleError("the pipeline makes a field of what is no text")
    items, text, placeholders = len(named), sum(map(len, named)), 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, SigmaDetection):
            waiting += one.detection_items
            continue
        if not isinstance(one.field, str | None):
            raise RuleError("the pipeline makes a field of what is no text")
        items += 1 + len(one.value)
        text += len(one.field or "") + sum(len(str(value)) for value in one.value)
        strings = (value.s for value in one.value if isinstance(value, SigmaString))
        placeholders = max([placeholders, *(sum(isinstance(part, Placeholder) for part in s) for s in strings)])
    return items, text, placeholders


def _grouped(rule: SigmaCorrelationRule) -> Iterator[str]:
    """The fields that a correlation groups by and looks at."""
    yield from rule.group_by or ()
    for alias in rule.aliases:
        yield from alias.mapping.values()
    fields = getattr(rule.condition, "fieldref", None)
    yield from fields if isinstance(fields, list) else [fields] if fields is not None else []


def _lists(document: object) -> Iterator[Sequence[object]]:
    for one in _within(document):
        if isinstance(one, list):
            yield one


def _texts(document: object) -> Iterator[str]:
    for one in _within(document):
        if isinstance(one, str):
            yield one


def _within(document: object) -> Iterator[object]:
    waiting = [document]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
