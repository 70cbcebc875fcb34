"""Keywords looked for in many records at once, as JSON writes them: what has none of them is told quickly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from detection.node import Leaf
from detection.predicate import Pattern

SHORTEST = 3
SAMPLE = 100
TRIES = 100
RARE = 0.05
_ODD = "\\\\u[0-9a-fA-F]{4}|\u0130"
"""Letters written as their numbers, and the one that is an ASCII letter and something more once it is small."""
_WRITTEN_OTHERWISE = '"\\/'


@dataclass(frozen=True, slots=True)
class Needles:
    """`words` finds every record, as JSON text, in which some keyword may be; and so does `pieces`, which is quicker
    and finds a few more: rare pieces of the keywords, as few as will do."""

    words: str
    pieces: str

    @classmethod
    def of(cls, words: Iterable[Leaf], records: Sequence[bytes]) -> Needles | None:
        """None where some keyword has too little to be looked for by."""
        found = [_needle(leaf) for leaf in words]
        if not found or min(map(len, found)) < SHORTEST:
            return None
        sample = [record.decode(errors="replace").lower() for record in records[:: max(len(records) // SAMPLE, 1)]]
        pieces, left = rare_pieces(found, sample)
        quick = [*map(re.escape, pieces), *map(_written, left)]
        return cls(f"(?i){'|'.join(map(_written, sorted(found)))}", f"(?i){'|'.join(quick)}")

    def likely(self, records: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        """Which records may have a keyword; so may those that are no text."""
        text = pl.Series(records, dtype=pl.Binary).cast(pl.String, strict=False)
        odd = text.str.contains(_ODD).fill_null(False).arg_true()
        if len(odd):
            text = text.scatter(odd, [_plainly(records[row]) for row in odd])
        found = text.is_null()
        rows = text.str.contains(self.pieces).fill_null(False).arg_true()
        found = found.scatter(rows, text.gather(rows).str.contains(self.words))
        return found.to_numpy().copy()


def _plainly(record: bytes) -> str | None:
    """A record with its letters written as such; None where it lies too deep for that."""
    try:
        return orjson.dumps(orjson.loads(record)).decode().lower()
    except orjson.JSONEncodeError:
        return None


def _needle(leaf: Leaf) -> str:
    """The longest run of letters that JSON can write in few ways."""
    parts = leaf.test.parts if isinstance(leaf.test, Pattern) else ()
    runs = [run for part in parts if isinstance(part, str) for run in re.findall(r"[\x20-\x7e]+", part)]
    return max(runs, key=len, default="").lower()


def _written(word: str) -> str:
    return re.escape(orjson.dumps(word)[1:-1].decode()).replace("/", r"\\?/")


def rare_pieces(words: Collection[str], sample: Sequence[str]) -> tuple[list[str], list[str]]:
    """Pieces that few of the records in the sample have, one in each of the words but those left over. An expression
    is as slow as the number of ways in which its letters can be written, so a piece is worth the words that have it by
    its ways."""
    left, found = sorted(words), []
    while left:
        counted = Counter(piece for word in left for piece in _pieces(word))
        by_worth = sorted(counted, key=lambda piece: (-counted[piece] / _ways(piece), piece))
        best = next((piece for piece in by_worth[:TRIES] if _is_rare(piece, sample)), None)
        if best is None:
            break
        found.append(best)
        left = [word for word in left if best not in word]
    return found, left


def _ways(piece: str) -> int:
    return 1 << sum(map(str.isalpha, piece))


def _is_rare(piece: str, sample: Sequence[str]) -> bool:
    had = 0
    for record in sample:
        had += piece in record
        if had > len(sample) * RARE:
            return False
    return True


def _pieces(word: str) -> set[str]:
    """Two signs, or three or four letters or signs, that JSON writes in one way."""
    found = {word[at : at + length] for length in (2, 3, 4) for at in range(len(word) - length + 1)}
    return {
        piece
        for piece in found
        if not any(letter in _WRITTEN_OTHERWISE for letter in piece)
        and (len(piece) > 2 or not any(map(str.isalpha, piece)))
    }
