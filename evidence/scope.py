"""What of a case goes out: whose events, of when, of which systems, and what of third parties is withheld."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from core.canonical import moment_text

Span = tuple[str, datetime, datetime]
"""An account, from when and until before when it was a person's."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Events of these accounts while they were the persons', `since` <= time < `until`, of these systems or streams of
    systems (`event.module`, `event.dataset`; none: all)."""

    persons: Sequence[str]
    spans: Sequence[Span]
    since: datetime | None = None
    until: datetime | None = None
    sources: Collection[str] = ()

    def has(self, content: Mapping[str, Any]) -> bool:
        """Whether an event, by its leaf's content, is within."""
        time = content["@timestamp"]
        return self._of_system(content) and self._then(time) and self._theirs(content.get("user.account"), time)

    def has_moment(self, moment: datetime) -> bool:
        """Whether what was found then is within."""
        return self._then(moment_text(moment))

    def _of_system(self, content: Mapping[str, Any]) -> bool:
        return not self.sources or any(content.get(name) in self.sources for name in ("event.module", "event.dataset"))

    def _then(self, time: str) -> bool:
        since, until = self._times
        return since <= time < until

    def _theirs(self, account: str | None, time: str) -> bool:
        return any(since <= time < until for since, until in self._spans.get(account, ()))

    @cached_property
    def _times(self) -> tuple[str, str]:
        return moment_text(self.since) if self.since else "", moment_text(self.until) if self.until else "~"

    @cached_property
    def _spans(self) -> Mapping[str | None, Sequence[tuple[str, str]]]:
        found: dict[str | None, list[tuple[str, str]]] = {}
        for account, since, until in self.spans:
            found.setdefault(account, []).append((moment_text(since), moment_text(until)))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A person by every text that may stand for them in a log: account names, addresses, ids, the name."""

    person: str
    keys: Sequence[str]


PERSON = "person"


class Redaction:
    """Which leaves are withheld: those in which a third party occurs, and those that have a value in a field, unless it
    is one of the persons' own. A leaf is shown whole or not at all, so that what is shown is proved."""

    def __init__(self, fields: Collection[str] = (), parties: Sequence[Party] = (), own: Collection[str] = ()) -> None:
        self.fields = tuple(sorted(fields))
        self.persons = len({party.person for party in parties})
        self._own = frozenset(key.lower() for key in own)
        keys = {form for party in parties for key in party.keys if len(key) > 1 for form in _forms(key)}
        longest = sorted(keys, key=lambda key: (-len(key), key))
        any_of = "|".join(rf"(?<!\w){re.escape(key)}(?!\w)" for key in longest)
        self._parties = re.compile(any_of, re.IGNORECASE) if keys else None

    def why(self, content: Mapping[str, Any]) -> str | None:
        """Why a leaf is withheld, without saying for whose sake; None where it is shown."""
        if self._parties and any(self.names(str(value)) for value in content.values()):
            return PERSON
        return next((field for field in self.fields if self._foreign(content.get(field))), None)

    def names(self, text: str) -> bool:
        """Whether a text names a third party that is withheld."""
        return bool(self._parties and self._parties.search(text))

    def without(self, text: str) -> str:
        """The text with every such name struck out."""
        return self._parties.sub("█████", text) if self._parties else text

    def _foreign(self, value: object) -> bool:
        return value is not None and str(value).lower() not in self._own


def _forms(key: str) -> set[str]:
    """How a text may be written in a log: as it is, in JSON of ASCII alone, in an address."""
    return {key, json.dumps(key)[1:-1], quote(key, safe=""), quote(key)}
