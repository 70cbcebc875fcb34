"""Texts as words that can be looked up: whole words, and of Chinese every two characters that stand together."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

LONGEST = 64
"""Of a longer word its first characters."""
_TOGETHER = (
    ("\u3040", "\u30ff"),
    ("\u3400", "\u9fff"),
    ("\uac00", "\ud7af"),
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)


def words_of(text: str) -> frozenset[str]:
    """What a text is found by. Writing that has no spaces is found by each character and each two neighbours."""
    found: set[str] = set()
    for run, together in _runs(text):
        if together:
            found.update(run)
            found.update(_pairs(run))
        else:
            found.add(run[:LONGEST])
    return frozenset(found)


def terms_of(query: str) -> list[frozenset[str]]:
    """What is asked for, each part between spaces: one text has to have all words of a part."""
    return [words for part in query.split() if (words := _asked(part))]


def _asked(part: str) -> frozenset[str]:
    found: set[str] = set()
    for run, together in _runs(part):
        found.update(_pairs(run) if together and len(run) > 1 else [run[:LONGEST]])
    return frozenset(found)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    for kind, characters in groupby(plain, _kind):
        if kind:
            yield "".join(characters), kind == "together"


@lru_cache(maxsize=8_192)
def _kind(character: str) -> str:
    if any(first <= character <= last for first, last in _TOGETHER):
        return "together"
    return "word" if character.isalnum() else ""


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]
