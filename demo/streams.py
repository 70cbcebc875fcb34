"""Chance that repeats: one generator per seed and name, and ids made from running numbers by columns."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_HEX4 = pl.Series([f"{number:04x}" for number in range(1 << 16)])
_BASE62_3 = pl.Series(["".join(three) for three in product(BASE62, repeat=3)])


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The generator of this seed for these names; adding another stream changes none of the others."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])


def mix(numbers: Ints, salt: str = "") -> npt.NDArray[np.uint64]:
    """64 well-mixed bits per number; different numbers give different bits under the same salt."""
    x = numbers.astype(np.uint64) + np.uint64(zlib.crc32(salt.encode()) << 32)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hex_text(bits: npt.NDArray[np.uint64], quads: int = 4, upper: bool = False) -> pl.Series:
    """The lowest `quads` groups of four hexadecimal digits of each number."""
    parts = [_HEX4.gather(((bits >> np.uint64(16 * k)) & np.uint64(0xFFFF)).astype(np.int64)) for k in range(quads)]
    text = joined(parts)
    return text.str.to_uppercase() if upper else text


def token(bits: npt.NDArray[np.uint64], triples: int = 3) -> pl.Series:
    """`triples` groups of three letters or digits of each number."""
    parts = []
    for place in range(triples):
        rest = mix(bits.astype(np.int64), f"token {place}") if place else bits
        parts.append(_BASE62_3.gather((rest % np.uint64(len(_BASE62_3))).astype(np.int64)))
    return joined(parts)


def guid(numbers: Ints, salt: str) -> pl.Series:
    """A version 4 GUID per number, unique under the salt."""
    low, high = mix(numbers, salt), mix(numbers, salt + "'")
    first, second = hex_text(low), hex_text(high)
    return joined(
        [
            first.str.slice(0, 8),
            first.str.slice(8, 4),
            "4" + first.str.slice(13, 3),
            "a" + second.str.slice(1, 3),
            second.str.slice(4, 12),
        ],
        "-",
    )


def joined(parts: Sequence[pl.Series], by: str = "") -> pl.Series:
    """The texts put together row by row."""
    columns = {f"part{number}": part for number, part in enumerate(parts)}
    return pl.DataFrame(columns).select(pl.concat_str(pl.all(), separator=by)).to_series()


def salesforce_id(prefix: str, number: int) -> str:
    """A case-sensitive 15-character record id: object prefix, instance, running number in base 62."""
    digits = ""
    for _ in range(8):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return f"{prefix}5e00{digits}"[:15]


def with_checksum(short: str) -> str:
    """The 18-character form of a record id: three letters that tell which of the 15 are capitals."""
    chunks = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(_SUFFIX[sum(1 << i for i, c in enumerate(chunk) if c.isupper())] for chunk in chunks)
