"""Conditions as column expressions: what they mean, for every store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC
from functools import partial
from ipaddress import IPv4Network, IPv6Network

import polars as pl

from core.condition import (
    All,
    Any,
    Between,
    Condition,
    During,
    Has,
    Is,
    Like,
    Not,
    Vendor,
    Wild,
    Within,
    Words,
    network_of,
    words,
)
from core.schema import BY_NAME, LARGEST, SMALLEST, Kind, vendor_value

BECOME_ASCII = ("\u212a", "\u0130")
"""Capitals (Kelvin's sign, the dotted I) whose small letters begin with an ASCII one."""


def holds(condition: Condition) -> pl.Expr:
    """True where the condition holds, else false, never null."""
    match condition:
        case All(parts):
            return pl.all_horizontal(pl.lit(True), *map(holds, parts))
        case Any(parts):
            return pl.any_horizontal(pl.lit(False), *_any_of(parts))
        case Not(part):
            return ~holds(part)
        case Has(field):
            return pl.col(field).is_not_null()
    return _compared(condition).fill_null(False)


def _any_of(parts: Sequence[Condition]) -> Iterator[pl.Expr]:
    """The parts; where several ask for values of one field, all of these at once, which hundreds of comparisons are not
    as fast as."""
    values: dict[str, list[str]] = {}
    for part in parts:
        if isinstance(part, Is):
            values.setdefault(part.field, []).append(part.value)
        else:
            yield holds(part)
    for field, wanted in values.items():
        yield _some(field, partial(among, values=wanted)).fill_null(False)


def among(column: pl.Expr, values: Collection[str]) -> pl.Expr:
    """Whether a text is one of these. As a literal column: of 10 to 250 plain values polars compares each with every
    row that it reads of a Parquet file, which takes seven times as long."""
    return column.is_in(pl.Series(sorted(values), dtype=pl.String).implode())


def _compared(condition: Is | Like | Between | During | Within | Vendor | Words) -> pl.Expr:
    match condition:
        case Is(field, value):
            return _some(field, lambda column: column == value)
        case Like(field, pattern):
            return _some(field, lambda column: column.str.contains(_regex(pattern)))
        case Between(field, low, high):
            column = pl.col(field)
            return (column >= (SMALLEST if low is None else low)) & (column <= (LARGEST if high is None else high))
        case During(field, start, end):
            column = pl.col(field)
            since = column.is_not_null() if start is None else column >= start.astimezone(UTC)
            return since if end is None else since & (column < end.astimezone(UTC))
        case Within(field, network):
            return pl.col(field).map_batches(
                lambda texts: _within(texts, network), return_dtype=pl.Boolean, is_elementwise=True
            )
        case Vendor(path, value):
            return vendor_value(path) == value
        case Words(wanted, open_end):
            phrase = f" {' '.join(wanted)}{'' if open_end else ' '}"
            return pl.col("event.original").map_batches(
                lambda lines: _with_phrase(lines, phrase, wanted), return_dtype=pl.Boolean, is_elementwise=True
            )


def _some(field: str, fits: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    if BY_NAME[field].kind is Kind.KEYWORDS:
        return pl.col(field).list.eval(fits(pl.element())).list.any()
    return fits(pl.col(field))


def _regex(pattern: tuple[str | Wild, ...]) -> str:
    """Anchored, of an engine that is linear in the text."""
    shapes = {Wild.ANY: ".*", Wild.ONE: "."}
    return "".join([r"(?s)\A", *(shapes[p] if isinstance(p, Wild) else pl.escape_regex(p) for p in pattern), r"\z"])


def _with_phrase(lines: pl.Series, phrase: str, wanted: tuple[str, ...]) -> pl.Series:
    """Which lines have the phrase among their words. Only where each word stands letter by letter, but for ASCII
    capitals, words are made: that is slow. Words that may be written in other capitals are not looked for first."""
    likely = lines.is_not_null()
    for word in wanted:
        if word.isascii() or word == word.upper():
            likely &= lines.str.contains_any([word, *BECOME_ASCII], ascii_case_insensitive=True).fill_null(False)
    rows = likely.arg_true()
    found = lines.gather(rows).to_frame("line").select(words(pl.col("line")).str.contains(phrase, literal=True))
    return likely.scatter(rows, found.to_series()) if rows.len() else likely


def _within(texts: pl.Series, network: IPv4Network | IPv6Network) -> pl.Series:
    found = [text for text in texts.drop_nulls().unique() if _is_within(text, network)]
    return texts.is_in(pl.Series(found, dtype=pl.String).implode())


def _is_within(text: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return network_of(text).subnet_of(network)  # type: ignore[arg-type]
    except (ValueError, TypeError):  # no address, or one of the other version
        return False
