"""Texts without somebody's name."""

from __future__ import annotations

import re

from core.directory import Directory

SHORTEST = 2
"""Letters of a name that is looked for in a text."""
LATIN = "0-9A-Za-zÀ-ÖØ-öø-ɏ"
"""Where words have borders: "can" is not in "scan". Names in other letters are found wherever they stand."""


def nameless(text: str, person: str, directory: Directory, instead: str) -> str:
    """The text with something else in the place of the person's name, mail address and accounts, with their domain
    and without."""
    if not text:
        return text
    known = directory.person(person)
    accounts = {account.partition(":")[2] for account in directory.linked_to(person)}
    bare = {part for one in (known.email, *accounts) for part in (one.partition("@")[0], one.rpartition("\\")[2])}
    telling = {one for one in (known.name, known.email, *accounts, *bare) if len(one) >= SHORTEST}
    if not telling:
        return text
    found = "|".join(map(_as_words, sorted(telling, key=len, reverse=True)))
    return re.sub(found, lambda _: instead, text, flags=re.IGNORECASE)


def _as_words(name: str) -> str:
    before = f"(?<![{LATIN}])" if re.match(f"[{LATIN}]", name) else ""
    after = f"(?![{LATIN}])" if re.match(f"[{LATIN}]", name[-1]) else ""
    return before + re.escape(name) + after
