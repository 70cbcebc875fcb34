"""What one caller sees of persons: whom at all, and whom by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from access.unmasking import depths
from core.access import Caller, Depth, Scope
from core.directory import Directory
from core.listing import Whose
from core.unmasking import Unmasking


class Lens:
    """One caller's view in one request. `unmaskings` are the caller's in force: of these persons more than a pseudonym
    is shown; everything else about a person goes by `pseudonym`, which is the same in every list, link and export."""

    def __init__(
        self,
        caller: Caller,
        directory: Directory,
        pseudonyms: Callable[[str], str],
        unmaskings: Sequence[Unmasking] = (),
        person_of: Callable[[str], str | None] | None = None,
    ) -> None:
        self.caller = caller
        self.directory = directory
        self._pseudonyms = pseudonyms
        self.unmaskings = unmaskings
        self._unmasked = depths(unmaskings)
        self._person_of = person_of

    def within(self, person: str) -> bool:
        """Whether the caller may look at this person at all: within their scope, neither themselves nor anybody who
        manages them."""
        return person not in self.never and self.caller.scope.covers(self.directory.person(person))

    @property
    def unbounded(self) -> bool:
        """Whether everybody is within, whoever may come."""
        return not self.never and self.caller.scope == Scope()

    def whose(self) -> Whose:
        """Everybody whom the caller may look at, as lists are asked for."""
        scope = self.caller.scope
        if not (scope.departments or scope.countries):
            return Whose(never=self.never)
        return Whose(only=frozenset(filter(self.within, self.directory.known())), never=self.never)

    def shows(self, person: str, depth: Depth = Depth.IDENTITY) -> bool:
        """Whether the person is unmasked to that depth."""
        known = self._unmasked.get(person)
        return known is not None and (depth is Depth.IDENTITY or known is Depth.CONTENT)

    def shown(self, depth: Depth = Depth.IDENTITY) -> frozenset[str] | None:
        """Those within who are unmasked to that depth; None where everybody is."""
        return frozenset(person for person in self._unmasked if self.shows(person, depth) and self.within(person))

    def pseudonym(self, person: str) -> str:
        return self._pseudonyms(person)

    def name(self, person: str) -> str:
        """What the person is called in a sentence."""
        if not self.shows(person):
            return self.pseudonym(person)
        known = self.directory.person(person)
        return known.name or known.email or known.id

    def person(self, pseudonym: str) -> str | None:
        """Whose pseudonym it is; None where it is nobody's whom the caller may look at."""
        found = self._person_of(pseudonym) if self._person_of else self._known.get(pseudonym)
        return found if found is not None and self.within(found) else None

    @cached_property
    def _known(self) -> dict[str, str]:
        return {self._pseudonyms(person): person for person in self.directory.known()}

    @cached_property
    def never(self) -> frozenset[str]:
        """Those whom the caller never looks at, whatever their scope."""
        own = self.caller.person
        return frozenset({own, *self.directory.managers_of(own)}) if own else frozenset()


class Uncovered(Lens):
    """Everybody by name; what was written in mails and chats only to its depth, or of those unmasked."""

    def __init__(
        self,
        caller: Caller,
        directory: Directory,
        pseudonyms: Callable[[str], str],
        unmaskings: Sequence[Unmasking] = (),
        person_of: Callable[[str], str | None] | None = None,
        depth: Depth = Depth.IDENTITY,
    ) -> None:
        super().__init__(caller, directory, pseudonyms, unmaskings, person_of)
        self._depth = depth

    def shows(self, person: str, depth: Depth = Depth.IDENTITY) -> bool:
        return self._everybody(depth) or super().shows(person, depth)

    def shown(self, depth: Depth = Depth.IDENTITY) -> frozenset[str] | None:
        return None if self._everybody(depth) else super().shown(depth)

    def _everybody(self, depth: Depth) -> bool:
        return depth is Depth.IDENTITY or self._depth is Depth.CONTENT


def everything(directory: Directory) -> Lens:
    """What evidence is made of: everybody by id and by name, and whatever was written."""
    house = Caller(name="", roles=frozenset(), permissions=frozenset())
    return Uncovered(house, directory, str, depth=Depth.CONTENT)
