"""From pySigma's values to tests of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from math import prod

from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
    special_char_mapping,
)

from core.condition import Wild
from core.errors import RuleError
from detection.node import Any, Leaf, Node, Not, some
from detection.predicate import (
    LONGEST_PATTERN,
    Compared,
    Moment,
    Part,
    Pattern,
    Present,
    Regex,
    Same,
    fold,
    regex,
    within,
)

Placeholders = Mapping[str, Sequence[str]]
"""Values of `expand`'s placeholders, by name."""
MOST_FILLED = 10_000

_WILD = {SpecialChars.WILDCARD_MULTI: Wild.ANY, SpecialChars.WILDCARD_SINGLE: Wild.ONE}
_SIGNS = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
    CompareOperators.NEQ: "!=",
}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}


def asked(field: str, value: SigmaType, placeholders: Placeholders) -> Node:
    """What a rule asks of a field. Raises `RuleError` for a value that cannot be judged."""
    match value:
        case SigmaNull():
            return Not(Leaf(field, Present()))
        case SigmaExists():
            return Leaf(field, Present()) if value else Not(Leaf(field, Present()))
        case SigmaExpansion():
            return Any(tuple(asked(field, one, placeholders) for one in value.values))
        case SigmaString():
            return Any(tuple(Leaf(field, test) for test in _patterns(value, placeholders)))
        case SigmaRegularExpression():
            return some(Leaf(field, test) for test in _regexes(value, placeholders))
        case SigmaCIDRExpression():
            return Leaf(field, within(value.cidr))
        case SigmaTimestampPart():
            return Leaf(field, Moment(value.timestamp_part.name.lower(), int(float(str(value)))))
        case SigmaCompareExpression():
            return _compared(field, value)
        case SigmaNumber() | SigmaBool():
            return Leaf(field, Pattern((_plain(value),)))
        case SigmaFieldReference():
            return Leaf(field, Same(str(value.field), bool(value.starts_with), bool(value.ends_with)))
        case _:
            raise RuleError(f"{type(value).__name__} cannot be judged")


def keyword(value: SigmaType, placeholders: Placeholders) -> Node:
    """What a rule asks of an event as a whole: some value of it holds the word."""
    if isinstance(value, SigmaNumber):
        value = SigmaString(str(value))
    if isinstance(value, SigmaString):
        tests = _patterns(value, placeholders)
        return Any(tuple(Leaf(None, Pattern((Wild.ANY, *test.parts, Wild.ANY), test.cased)) for test in tests))
    if isinstance(value, SigmaExpansion):
        return Any(tuple(keyword(one, placeholders) for one in value.values))
    if isinstance(value, SigmaRegularExpression):
        return some(Leaf(None, test) for test in _regexes(value, placeholders))
    raise RuleError("a keyword is a text, a number or an expression")


def _patterns(value: SigmaString, placeholders: Placeholders) -> list[Pattern]:
    if len(str(value)) > LONGEST_PATTERN:
        raise RuleError(f"a value is longer than {LONGEST_PATTERN} characters")
    filled = _filled(value, placeholders) if any(isinstance(part, Placeholder) for part in value.s) else [value]
    cased = isinstance(value, SigmaCasedString)
    return [Pattern(_parts(one.s, cased), cased) for one in filled]


def _filled(value: SigmaString, placeholders: Placeholders) -> list[SigmaString]:
    """The texts that a value with placeholders stands for; wildcards in the placeholders' values are such."""
    given = {part.name: _values(part.name, placeholders) for part in value.s if isinstance(part, Placeholder)}
    _check_few(len(given[part.name]) for part in value.s if isinstance(part, Placeholder))
    return list(value.replace_placeholders(lambda part: map(SigmaString, given[part.name])))


def _values(name: str, placeholders: Placeholders) -> Sequence[str]:
    found = placeholders.get(name)
    if not found:
        raise RuleError(f"the placeholder %{name}% has no values; give it some in placeholders.yml")
    return found


def _check_few(counts: Iterable[int]) -> None:
    if prod(counts) > MOST_FILLED:
        raise RuleError(f"its placeholders stand for more than {MOST_FILLED} texts")


def _parts(raw: Collection[object], cased: bool) -> tuple[Part, ...]:
    """Literals between wildcards, none empty; of several stars in a row one stays."""
    parts: list[Part] = []
    for part in raw:
        if isinstance(part, SpecialChars):
            wild = _WILD[part]
            if not (wild is Wild.ANY and parts and parts[-1] is Wild.ANY):
                parts.append(wild)
        elif isinstance(part, str) and part:
            text = part if cased else fold(part)
            if parts and isinstance(parts[-1], str):
                parts[-1] += text
            else:
                parts.append(text)
    return tuple(parts)


def _regexes(value: SigmaRegularExpression, placeholders: Placeholders) -> list[Regex]:
    """The expressions that one with placeholders stands for; their values are texts in it, no expressions."""
    flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
    if not value.contains_placeholder():
        return [regex(str(value.regexp), flags)]
    parts = [
        [re.escape(one) for one in _values(part.name, placeholders)]
        if isinstance(part, Placeholder)
        else [part if isinstance(part, str) else special_char_mapping[part]]
        for part in value.regexp.s
    ]
    _check_few(map(len, parts))
    return [regex("".join(several), flags) for several in product(*parts)]


def _compared(field: str, value: SigmaCompareExpression) -> Node:
    if isinstance(value.number, SigmaTimestampPart):
        raise RuleError("a part of a time is compared by equality only")
    return Leaf(field, Compared(_SIGNS[value.op], float(str(value.number))))


def _plain(value: SigmaType) -> str:
    """A number or truth value as the text it is in a record."""
    text = str(value).lower()
    return text.removesuffix(".0") if isinstance(value, SigmaNumber) else text
