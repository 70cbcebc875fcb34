"""Marks of exported copies: who was given which copy and when, as a code that is put where nobody sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from zlib import crc32

from core.canonical import moment_text
from core.proof import canonical

COLUMNS, ROWS = 12, 8
"""A tile of dots holds a code of 64 bits and 32 to know it by."""
_MASK = int.from_bytes(sha256(b"leaverwatch mark").digest()[: COLUMNS * ROWS // 8], "big")
_ZERO, _ONE = "\u200b", "\u200c"
_UNSEEN = re.compile(f"[{_ZERO}{_ONE}]{{{COLUMNS * ROWS}}}")
_WRITTEN = re.compile(r"LWM([0-9a-f]{24})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One exported copy: for whom, under which number, when. `known_as` is its code, 16 hexadecimal digits, where the
    exporter has one; without, the code follows from the other three."""

    recipient: str
    number: str
    at: datetime
    known_as: str = ""

    @property
    def code(self) -> str:
        if self.known_as:
            return self.known_as
        values = {"at": moment_text(self.at), "number": self.number, "recipient": self.recipient}
        return sha256(canonical(values)).hexdigest()[:16]


def written(code: str) -> str:
    """The code as a word that can be found again in a text."""
    return f"LWM{_bits(code):024x}"


def unseen(code: str) -> str:
    """The code as characters without width, for the texts of CSV and HTML."""
    return f"{_bits(code):0{COLUMNS * ROWS}b}".replace("0", _ZERO).replace("1", _ONE)


def dots(code: str) -> tuple[tuple[bool, ...], ...]:
    """A tile of the page: in each row, whether each dot stands to the right of its place, or else to the left."""
    text = f"{_bits(code) ^ _MASK:0{COLUMNS * ROWS}b}"
    return tuple(tuple(bit == "1" for bit in text[row * COLUMNS : (row + 1) * COLUMNS]) for row in range(ROWS))


def code_in_text(text: str) -> str | None:
    """The code that a text carries, written or unseen."""
    found = [int(one, 16) for one in _WRITTEN.findall(text)]
    found += [int(one.replace(_ZERO, "0").replace(_ONE, "1"), 2) for one in _UNSEEN.findall(text)]
    return next((code for bits in found if (code := _code(bits))), None)


def code_of_dots(tile: Sequence[Sequence[bool]]) -> str | None:
    """The code of a tile that may begin anywhere in the pattern."""
    return next((code for bits in _turned(tile) if (code := _code(bits ^ _MASK))), None)


def _turned(tile: Sequence[Sequence[bool]]) -> Iterator[int]:
    for down in range(ROWS):
        rows = [*tile[down:], *tile[:down]]
        for along in range(COLUMNS):
            bits = (bit for row in rows for bit in (*row[along:], *row[:along]))
            yield int("".join("1" if bit else "0" for bit in bits), 2)


def _bits(code: str) -> int:
    number = int(code, 16)
    return number << 32 | crc32(number.to_bytes(8, "big"))


def _code(bits: int) -> str | None:
    number, check = bits >> 32, bits & 0xFFFFFFFF
    return f"{number:016x}" if crc32(number.to_bytes(8, "big")) == check else None
