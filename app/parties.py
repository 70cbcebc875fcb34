"""Whom an export must not show: persons by every text that may stand for them, and fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.wiring import House
from core.directory import Directory
from core.errors import Refused
from core.person import Person
from core.schema import SCHEMA
from evidence.scope import Party, Redaction

OTHERS = ("target.user", "email.to.address", "email.from.address", "data.owner")
"""Fields that may name others than who did it."""


@dataclass(frozen=True, slots=True)
class Parties:
    """Everybody we know of, and how logs name them."""

    directory: Directory
    persons: Mapping[str, Person]
    accounts: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, house: House) -> Parties:
        directory, seen = house.directory(), house.records.accounts()
        accounts: dict[str, set[str]] = {}
        for link in house.records.links():
            accounts.setdefault(link.person, set()).add(link.account)
        for account, others in seen.items():
            for person in directory.persons_of(account):
                accounts.setdefault(person, set()).update((account, *others))
        whole = {person: frozenset(found) for person, found in accounts.items()}
        return cls(directory, {person.id: person for person in house.records.persons()}, whole)

    def named(self, text: str) -> set[str]:
        """The persons that a text stands for: an id, an account, a mail address, a name."""
        found = {person.id for person in self.persons.values() if person.name == text}
        return (found | self.directory.called(text)) & self.persons.keys()

    def keys(self, person: str) -> tuple[str, ...]:
        """Every text that may stand for a person in a log."""
        known = self.persons.get(person, Person(id=person))
        names = {account.partition(":")[2] for account in self.accounts.get(person, ())}
        names |= {name.rpartition("\\")[2] for name in names}
        return tuple(sorted({person, known.name, known.email, *names} - {""}))

    def redaction(self, redact: Sequence[str], persons: Sequence[str]) -> Redaction:
        """What fields, and what persons or other texts, are withheld. Raises `Refused` for the case's own persons."""
        parties: list[Party] = []
        for text in redact:
            if text in SCHEMA:
                continue
            known = self.named(text)
            if known & set(persons):
                raise Refused(f"the case is about {text}: that cannot be left out")
            parties += [Party(person=one, keys=self.keys(one)) for one in sorted(known)]
            parties += [] if known else [Party(person=text, keys=(text,))]
        own = {key for person in persons for key in self.keys(person)}
        return Redaction([text for text in redact if text in SCHEMA], parties, own)

    def others(self, content: Mapping[str, Any], persons: Sequence[str]) -> Counter[str]:
        """Who else an event names, as far as its fields tell: persons we know, else what is written there."""
        found: Counter[str] = Counter()
        for value in {str(content[field]) for field in OTHERS if content.get(field)}:
            whose = self.named(value)
            if whose.isdisjoint(persons):
                found.update(sorted(whose) or [value])
        return found
