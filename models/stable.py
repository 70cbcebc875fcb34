"""Digests that are the same in every process, of every version of what computes them: what is kept is known by them."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
BYTES = 8


def number_of(text: str) -> int:
    """64 bits that name a text."""
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=BYTES).digest(), "little")


def numbers_of(texts: pl.Series) -> pl.Series:
    """64 bits for each text, null where there is none; each distinct text is looked at once."""
    known = texts.drop_nulls().unique()
    table = pl.DataFrame(
        {"text": known, "number": [number_of(text) for text in known]},
        schema={"text": pl.String(), "number": pl.UInt64()},
    )
    asked = texts.alias("text").to_frame()
    return asked.join(table, on="text", how="left", maintain_order="left")["number"].alias(texts.name)


def mixed(*columns: NDArray[Any]) -> Hashes:
    """64 bits for each row of some columns of whole numbers, their order included (the finaliser of SplitMix64: G. L.
    Steele, D. Lea and C. H. Flood, Fast splittable pseudorandom number generators, 2014)."""
    found = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        found = found * np.uint64(0x9E3779B97F4A7C15) + column.astype(np.uint64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            found = (found ^ (found >> np.uint64(shift))) * np.uint64(factor)
        found ^= found >> np.uint64(31)
    return found


def digest(*parts: object) -> str:
    """16 hex digits that name some plain values in order."""
    whole = blake2b(digest_size=BYTES)
    for part in parts:
        data = str(part).encode(errors="surrogatepass")
        whole.update(len(data).to_bytes(8, "big"))
        whole.update(data)
    return whole.hexdigest()
