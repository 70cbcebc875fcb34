"""What follows from who is who, made once and kept until that changes."""

from __future__ import annotations

from functools import cached_property
from threading import Lock

from access.lens import Lens
from core.access import Scope
from core.directory import Directory
from core.listing import Whose
from core.pseudonyms import Pseudonyms

REMEMBERED = 100
"""Callers with different views of whom is remembered whom they may look at."""


class Known:
    """What every request needs of one directory."""

    def __init__(self, directory: Directory, pseudonyms: Pseudonyms) -> None:
        self.directory = directory
        self._pseudonyms = pseudonyms
        self._whose: dict[tuple[Scope, str], Whose] = {}
        self._lock = Lock()

    def person(self, pseudonym: str) -> str | None:
        """Whose pseudonym it is; None where it is nobody's."""
        return self._persons.get(pseudonym)

    def whose(self, lens: Lens) -> Whose:
        """Everybody whom a caller may look at."""
        key = (lens.caller.scope, lens.caller.person)
        found = self._whose.get(key)
        if found is None:
            found = lens.whose()
            with self._lock:
                if len(self._whose) >= REMEMBERED:
                    self._whose.clear()
                self._whose[key] = found
        return found

    def bring_up(self) -> None:
        """Make what is asked for most."""
        self.person("")

    @cached_property
    def _persons(self) -> dict[str, str]:
        return {self._pseudonyms(person): person for person in self.directory.known()}
