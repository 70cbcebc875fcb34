"""What a Sigma value asks of one text: frozen tests and their plain meaning. `detection.matcher` asks many at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

import polars as pl

from core.condition import Wild, network_of
from core.errors import RuleError

LONGEST_PATTERN = 20_000


Part = str | Wild


@dataclass(frozen=True, slots=True)
class Pattern:
    """The whole text has this shape; letter case counts only if `cased`. Literals are folded where it does not."""

    parts: tuple[Part, ...]
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Regex:
    """The text holds a match of this expression of Rust's linear-time syntax."""

    expression: str


@dataclass(frozen=True, slots=True)
class Compared:
    """The text is a number that stands so to this one."""

    sign: str
    number: float


@dataclass(frozen=True, slots=True)
class Within:
    """The text is an address of this network; an IPv4 address written as IPv6 is the IPv4 address."""

    network: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Moment:
    """The text is an ISO time; its minute, hour, day, week (ISO), month or year, as written, is this."""

    part: str
    number: int


@dataclass(frozen=True, slots=True)
class Present:
    """There is a value, be it empty."""


@dataclass(frozen=True, slots=True)
class Same:
    """The text is, starts with or ends with what another field of the event holds, letter case aside."""

    field: str
    starts: bool = False
    ends: bool = False


Test = Pattern | Regex | Compared | Within | Moment | Present | Same

SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda value, number: value < number,
    "<=": lambda value, number: value <= number,
    ">": lambda value, number: value > number,
    ">=": lambda value, number: value >= number,
    "!=": lambda value, number: value != number,
}


def holds(test: Test, text: str) -> bool:
    """Whether the test holds of a text. `Same` needs the event and is not asked here."""
    match test:
        case Pattern():
            return fits(test.parts, text if test.cased else fold(text))
        case Regex():
            return bool(pl.Series([text]).str.contains(test.expression).item())
        case Compared():
            number = number_of(text)
            return number is not None and SIGNS[test.sign](number, test.number)
        case Within():
            address = _address(text)
            return address is not None and address in test.network
        case Moment():
            return part_of(text, test.part) == test.number
        case Present():
            return True
    raise RuleError("a comparison of two fields needs the event")


def fold(text: str) -> str:
    """The text as it is compared where letter case does not count."""
    return text.lower()


def fits(parts: tuple[Part, ...], text: str) -> bool:
    """Whether a text has a shape from its first character to its last. Takes time like the text times the pattern at
    most: what stands between two stars is looked for from the left, once."""
    first, *others = segments(parts)
    if not others:
        return _segment(first).fullmatch(text) is not None
    start = _segment(first).match(text)
    if start is None:
        return False
    at = start.end()
    for segment in others[:-1]:
        found = _segment(segment).search(text, at)
        if found is None:
            return False
        at = found.end()
    length = sum(1 if part is Wild.ONE else len(str(part)) for part in others[-1])
    tail = len(text) - length
    return tail >= at and _segment(others[-1]).match(text, tail) is not None


def segments(parts: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    """What stands before, between and after the stars."""
    found: list[list[Part]] = [[]]
    for part in parts:
        if part is Wild.ANY:
            found.append([])
        else:
            found[-1].append(part)
    return [tuple(segment) for segment in found]


@lru_cache(maxsize=8192)
def _segment(parts: tuple[Part, ...]) -> re.Pattern[str]:
    # No repetition in it, so it cannot explode.
    return re.compile("".join("." if part is Wild.ONE else re.escape(str(part)) for part in parts), re.DOTALL)


def number_of(text: str) -> float | None:
    """The number a text is, decimal or hexadecimal as Windows writes it."""
    try:
        return float(int(text, 16)) if text[:2] in ("0x", "0X") else float(text)
    except (ValueError, OverflowError):
        return None


def _address(text: str) -> object:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def part_of(text: str, part: str) -> int | None:
    """One part of an ISO time, None where the text is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))


def regex(expression: str, flags: str) -> Regex:
    """Raises `RuleError` where it is not one of linear time, or grows too large."""
    whole = f"(?{flags}){expression}" if flags else expression
    if len(whole) > LONGEST_PATTERN:
        raise RuleError(f"an expression is longer than {LONGEST_PATTERN} characters")
    try:
        pl.Series([""]).str.contains(whole)
    except pl.exceptions.ComputeError:
        raise RuleError(
            f"the expression {expression[:200]} is not one of linear time (no look-around, no back-references)"
            " or is too large"
        ) from None
    return Regex(whole)


def within(network: str) -> Within:
    """Raises `RuleError`."""
    try:
        return Within(network_of(network))
    except ValueError:
        raise RuleError(f"{network} is no network") from None
