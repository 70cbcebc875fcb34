"""Who looked at whom: every look at a person, a case or an alert is noted before anything is shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from threading import Lock
from time import monotonic

from core.access import Caller
from core.directory import Directory
from core.evidence import Audit, AuditEntry, Deed

ONE_LOOK_SECONDS = 900.0
"""The same asked again so soon is one look: who refreshes a page or polls does not fill the log."""
REMEMBERED = 1_000


def look(by: str, what: str, about: Iterable[str]) -> AuditEntry | None:
    """The entry of a look at these persons, cases and alerts; none where nothing was shown."""
    shown = sorted(set(about))
    if not shown:
        return None
    return AuditEntry(at=datetime.now(UTC), by=by, deed=Deed.SAW, about=shown, details={"what": what})


def whose(accounts: Iterable[object], directory: Directory) -> set[str]:
    """The persons that accounts belong to."""
    return {person for account in set(accounts) if account for person in directory.persons_of(str(account))}


class Looks:
    """The looks of one process."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._noted: dict[tuple[str, str, tuple[str, ...]], float] = {}
        self._lock = Lock()

    def note(self, caller: Caller, what: str, about: Iterable[str]) -> None:
        """Note a look, unless the same was noted a while ago."""
        entry = look(caller.name, what, about)
        if entry is None:
            return
        key, now = (caller.name, what, tuple(entry.about)), monotonic()
        with self._lock:
            if now - self._noted.get(key, -ONE_LOOK_SECONDS) < ONE_LOOK_SECONDS:
                return
        self._audit.note(entry)
        with self._lock:
            if len(self._noted) >= REMEMBERED:
                self._noted.clear()
            self._noted[key] = now
