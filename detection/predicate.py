"""One Sigma detection item as a column expression: true, false, or unknown where a field cannot be known yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from ipaddress import IPv4Network, IPv6Network, ip_network

import polars as pl
from sigma.types import (
    CompareOperators,
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
    SigmaType,
    SpecialChars,
)

from core.errors import RuleError
from core.schema import BY_NAME, Kind, vendor_value

UNKNOWN = pl.lit(None, pl.Boolean)
VENDOR_PREFIXES = ("o365.audit.", "salesforce.", "winlog.event_data.", "postfix.")
"""Where a rule may name a vendor's own fields; what follows is the vendor's name of it."""

_COMPARED: dict[CompareOperators, Callable[[pl.Expr, float], pl.Expr]] = {
    CompareOperators.LT: lambda column, number: column < number,
    CompareOperators.LTE: lambda column, number: column <= number,
    CompareOperators.GT: lambda column, number: column > number,
    CompareOperators.GTE: lambda column, number: column >= number,
}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}


def predicate(field: str, value: SigmaType, known: Collection[str]) -> pl.Expr:
    """Whether `field` has `value`. A field of the list that is not among the `known` columns is unknown.

    Raises `RuleError` for a field or value that cannot be judged. An empty field is false, never unknown.
    """
    vendor = next((prefix for prefix in VENDOR_PREFIXES if field.startswith(prefix)), None)
    if field not in BY_NAME and vendor is None:
        raise RuleError(f"there is no field {field}")
    if field in BY_NAME and field not in known:
        return UNKNOWN
    if vendor is not None:
        if "event.original" not in known:
            return UNKNOWN
        return _text(vendor_value(_path(field.removeprefix(vendor))), value)
    kind, column = BY_NAME[field].kind, pl.col(field)
    if isinstance(value, SigmaFieldReference):
        return _same(field, value, known)
    if kind is Kind.LONG:
        return _number(column, value)
    if kind is Kind.BOOLEAN:
        return _boolean(column, value)
    if kind is Kind.KEYWORDS:
        return column.list.eval(_text(pl.element(), value)).list.any().fill_null(False)
    return _text(column, value)


def keyword(value: SigmaType, known: Collection[str]) -> pl.Expr:
    """Whether the original record holds a word anywhere."""
    if "event.original" not in known:
        return UNKNOWN
    if isinstance(value, SigmaNumber):
        value = SigmaString(str(value))
    if isinstance(value, SigmaString) and not isinstance(value, SigmaCasedString):
        value = _anywhere(value)
    return _text(pl.col("event.original"), value)


def _anywhere(value: SigmaString) -> SigmaString:
    wide = SigmaString()
    wide.s = [SpecialChars.WILDCARD_MULTI, *value.s, SpecialChars.WILDCARD_MULTI]
    return wide


def _text(column: pl.Expr, value: SigmaType) -> pl.Expr:
    match value:
        case SigmaExists():
            return column.is_not_null() == pl.lit(bool(value))
        case SigmaNull():
            return column.is_null()
        case SigmaExpansion():
            return pl.any_horizontal(*(_text(column, one) for one in value.values))
        case SigmaCasedString():
            found = _string(column, value, fold=False)
        case SigmaString():
            found = _string(column, value, fold=True)
        case SigmaRegularExpression():
            found = column.str.contains(_regex(value))
        case SigmaCIDRExpression():
            found = column.str.contains(_network(value))
        case SigmaCompareExpression():
            found = _COMPARED[value.op](column.cast(pl.Float64, strict=False), float(str(value.number)))
        case SigmaNumber() | SigmaBool():
            found = column.str.to_lowercase() == str(value).lower()
        case _:
            raise RuleError(f"{type(value).__name__} cannot be judged")
    return found.fill_null(False)


def _string(column: pl.Expr, value: SigmaString, *, fold: bool) -> pl.Expr:
    """Wildcards at the ends become prefix, suffix and contains; others an anchored linear-time regex."""
    parts = list(value.s)
    folded = column.str.to_lowercase() if fold else column
    starts = bool(parts) and parts[0] is SpecialChars.WILDCARD_MULTI
    ends = len(parts) > 1 and parts[-1] is SpecialChars.WILDCARD_MULTI
    inner = parts[starts : len(parts) - ends]
    if all(isinstance(part, str) for part in inner):
        text = "".join(str(part) for part in inner)
        text = text.lower() if fold else text
        if starts and ends:
            return folded.str.contains(text, literal=True)
        if starts:
            return folded.str.ends_with(text)
        return folded.str.starts_with(text) if ends else folded == text
    pattern = "".join(_escaped(part) for part in parts)
    return column.str.contains(f"(?s{'i' if fold else ''})^{pattern}$")


def _escaped(part: object) -> str:
    if part is SpecialChars.WILDCARD_MULTI:
        return ".*"
    if part is SpecialChars.WILDCARD_SINGLE:
        return "."
    if isinstance(part, str):
        return re.escape(part)
    raise RuleError("a placeholder is left in a value")


def _regex(value: SigmaRegularExpression) -> str:
    flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
    pattern = str(value.regexp)
    whole = f"(?{flags}){pattern}" if flags else pattern
    try:
        pl.Series([""]).str.contains(whole)
    except pl.exceptions.ComputeError:
        raise RuleError(
            f"the expression {pattern} is not one of linear time (no look-around, no back-references)"
        ) from None
    return whole


def _network(value: SigmaCIDRExpression) -> str:
    network = ip_network(value.cidr, strict=False)
    if isinstance(network, IPv6Network):
        raise RuleError(f"{value.cidr}: only IPv4 networks can be judged")
    return "|".join(_octets(network))


def _octets(network: IPv4Network) -> list[str]:
    """Regexes of the addresses of a network: whole octets as text, the one cut by the mask as alternatives."""
    whole, bits = divmod(network.prefixlen, 8)
    octets = str(network.network_address).split(".")
    head = "".join(rf"{octet}\." for octet in octets[:whole])
    if whole == 4:
        return [f"^{head[:-2]}$"]
    if not bits:
        return [f"^{head}"]
    first = int(octets[whole])
    cut = "|".join(str(number) for number in range(first, first + (1 << (8 - bits))))
    return [rf"^{head}(?:{cut}){'$' if whole == 3 else '[.]'}"]


def _number(column: pl.Expr, value: SigmaType) -> pl.Expr:
    match value:
        case SigmaExists():
            return column.is_not_null() == pl.lit(bool(value))
        case SigmaNull():
            return column.is_null()
        case SigmaCompareExpression():
            return _COMPARED[value.op](column, float(str(value.number))).fill_null(False)
        case SigmaNumber():
            return (column == float(str(value))).fill_null(False)
        case SigmaString() if str(value).lstrip("-").isdigit():
            return (column == int(str(value))).fill_null(False)
        case _:
            raise RuleError("a number is compared with something that is none")


def _boolean(column: pl.Expr, value: SigmaType) -> pl.Expr:
    match value:
        case SigmaBool():
            return (column == pl.lit(bool(value))).fill_null(False)
        case SigmaExists():
            return column.is_not_null() == pl.lit(bool(value))
        case SigmaNull():
            return column.is_null()
        case _:
            raise RuleError("a yes-or-no field is compared with something else")


def _same(field: str, value: SigmaFieldReference, known: Collection[str]) -> pl.Expr:
    if value.field not in BY_NAME:
        raise RuleError(f"there is no field {value.field}")
    if value.field not in known:
        return UNKNOWN
    one, other = (pl.col(name).cast(pl.String).str.to_lowercase() for name in (field, value.field))
    if value.starts_with:
        return one.str.starts_with(other).fill_null(False)
    return (one.str.ends_with(other) if value.ends_with else one == other).fill_null(False)


def _path(name: str) -> str:
    if not re.fullmatch(r"[\w.\- ]+", name):
        raise RuleError(f"{name!r} is no name of a vendor field")
    return name
