"""Texts without somebody's name."""

from __future__ import annotations

import re

from core.directory import Directory

SHORTEST = 2
"""Letters of a name that is looked for in a text."""


def nameless(text: str, person: str, directory: Directory, instead: str) -> str:
    """The text with something else in the place of the person's name, mail address and accounts."""
    known = directory.person(person)
    accounts = {account.partition(":")[2] for account, _, _ in directory.spans_of(person)}
    telling = {
        one for one in (known.name, known.email, known.email.partition("@")[0], *accounts) if len(one) >= SHORTEST
    }
    if not (telling and text):
        return text
    found = "|".join(re.escape(one) for one in sorted(telling, key=len, reverse=True))
    return re.sub(found, lambda _: instead, text, flags=re.IGNORECASE)
