"""Who is named in a text."""

from __future__ import annotations

import re

MOST = 50
_NAMED = re.compile(r"(?<![\w@.-])@([\w][\w.@-]{0,127})")


def mentions(text: str) -> frozenset[str]:
    """The names after an `@`, without what ends a sentence; the first of many."""
    found = dict.fromkeys(match.group(1).rstrip(".-@") for match in _NAMED.finditer(text))
    return frozenset(list(found)[:MOST])
