"""A condition on stored events: what a search or a hunt asks for, the same for every event store.

Every condition is true or false of an event, never unknown: a comparison with a field that the event lacks is false, so
`Not` of it is true. Of a field with many values, one that fits is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network

import polars as pl

LONGEST_WORD = 120
"""Characters after which a word counts as ended; whitespace analyzers cut at 255."""


class Wild(Enum):
    """Places of a pattern that stand for more than themselves."""

    ANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; of no parts: always."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Any:
    """Some part holds; of no parts: never."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Has:
    """The event has a value there."""

    field: str


@dataclass(frozen=True, slots=True)
class Is:
    """A keyword, letter by letter."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Like:
    """A keyword of this shape, from its first character to its last."""

    field: str
    pattern: tuple[str | Wild, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """A number, bounds included; no bound is None."""

    field: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class During:
    """A time, start included, end not; no bound is None."""

    field: str
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """An address of this network. An IPv4 address written as IPv6 is the IPv4 address."""

    field: str
    network: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Vendor:
    """A field of the vendor's own record has this text, as `core.schema.vendor_value` reads it; `path` is made of
    plain names with dots between."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Words:
    """The original line has these words, as `words` makes them, one after the other; with `open_end` the last one may
    go on."""

    words: tuple[str, ...]
    open_end: bool = False


Condition = All | Any | Not | Has | Is | Like | Between | During | Within | Vendor | Words


def words(text: pl.Expr) -> pl.Expr:
    """The words of a text between single spaces, one before the first and after the last as well: lower case letters
    and digits, everything else a space, and each Chinese, Japanese or Korean character a word of its own."""
    apart = text.str.to_lowercase().str.replace_all(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]", " ${0} ")
    plain = pl.concat_str(pl.lit(" "), apart, pl.lit(" ")).str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ")
    return plain.str.replace_all(f"[^ ]{{{LONGEST_WORD}}}", "${0} ").str.replace_all("  +", " ")


def network_of(text: str) -> IPv4Network | IPv6Network:
    """An address or a network like 10.0.0.0/8. Raises ValueError."""
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and (mapped := network.network_address.ipv4_mapped) and network.prefixlen >= 96:
        return IPv4Network((mapped, network.prefixlen - 96))
    return network
