"""Who is who, kept in memory as long as nothing of it changes."""

from __future__ import annotations

from threading import Lock

from core.calendar import CompanyCalendar
from core.directory import Directory
from core.ports import People


class Directories:
    """Called, it gives the directory as of the last transaction of whatever process; the same one until another one
    changes it."""

    def __init__(self, people: People, calendar: CompanyCalendar) -> None:
        self._people = people
        self._calendar = calendar
        self._lock = Lock()
        self._kept: tuple[str, Directory] | None = None

    def __call__(self) -> Directory:
        version = self._people.people_version()
        kept = self._kept
        if kept and kept[0] == version:
            return kept[1]
        with self._lock:
            return self._read(self._people.people_version())

    def _read(self, version: str) -> Directory:
        """The version comes first: what is written while the rest is read is read again by whoever asks next."""
        if self._kept is None or self._kept[0] != version:
            people = self._people
            read = Directory(people.persons(), people.links(), people.filings(), people.accounts(), self._calendar)
            self._kept = (version, read)
        return self._kept[1]
