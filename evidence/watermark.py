"""Whose copy it was: a code in every export, and which leaves each copy had."""

from __future__ import annotations

import hmac
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

from core.proof import canonical

CODE_LENGTH = 16
_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
BLOCK = 1 << 20
MOST_IDS = 20_000


def code_of(key: bytes, case: str, recipient: str, number: int) -> str:
    """What marks a copy: nobody without the key can make another's."""
    statement = canonical({"case": case, "number": number, "recipient": recipient})
    return hmac.digest(key, statement, "sha256").hex()[:CODE_LENGTH]


def ids_in(file: Path) -> list[str]:
    """Ids of events that occur in a file of whatever form, the first of them, each once."""
    found: dict[str, None] = {}
    for block in _blocks(file):
        found |= dict.fromkeys(one.decode() for one in _ID.findall(block))
        if len(found) >= MOST_IDS:
            break
    return list(found)


def keep_places(file: Path, places: Iterable[int]) -> None:
    """Write down which leaves a copy had."""
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(array("q", sorted(places)).tobytes()))


def had(file: Path, places: Iterable[int]) -> bool:
    """Whether a copy had all of these leaves."""
    if not file.exists():
        return False
    kept = array("q")
    kept.frombytes(zlib.decompress(file.read_bytes()))
    return set(kept).issuperset(places)


def _blocks(file: Path) -> Iterator[bytes]:
    """A file in pieces that overlap, so that nothing is cut in two."""
    rest = b""
    with file.open("rb") as opened:
        while block := opened.read(BLOCK):
            yield rest + block
            rest = block[-64:]
