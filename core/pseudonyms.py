"""Names that stand for persons where nobody needs to know who they are."""

from __future__ import annotations

import hmac
from functools import lru_cache

REMEMBERED = 100_000


class Pseudonyms:
    """The same person has the same pseudonym as long as the key is the same; who has the key can find out whose."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._of = lru_cache(REMEMBERED)(self._made)

    def __call__(self, person: str) -> str:
        return self._of(person)

    def _made(self, person: str) -> str:
        digest = hmac.digest(self._key, person.encode("utf-8", "surrogatepass"), "sha256").hex()
        return f"P{digest[:16].upper()}"
