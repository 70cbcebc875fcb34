"""Who looked at whom: every look at a person, a case or an alert is noted before anything is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from threading import Lock
from time import monotonic

from access.lens import Lens
from core.evidence import Audit, AuditEntry, Deed

ONE_LOOK_SECONDS = 900.0
"""The same asked again so soon is one look: who refreshes a page or polls does not fill the log."""
REMEMBERED = 1_000


THE_LOG = "audit"
"""What a look at the audit log itself is about."""


def look(by: str, what: str, about: Iterable[str], why: str = "", unmasked: Sequence[str] = ()) -> AuditEntry | None:
    """The entry of a look at these persons, cases and alerts; none where nothing was shown. `unmasked` are the
    unmaskings by which somebody's identity was shown."""
    shown = sorted(set(about))
    if not shown:
        return None
    details = {"what": what} | ({"unmaskings": list(unmasked)} if unmasked else {})
    return AuditEntry(at=datetime.now(UTC), by=by, deed=Deed.SAW, about=shown, why=why, details=details)


class Together:
    """Entries of the audit log that come at the same time, written in one transaction: each is durable when its `note`
    returns, and a disk that is asked to be sure takes as long for one as for many."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._waiting: list[tuple[AuditEntry, Future[None]]] = []
        self._queue, self._writing = Lock(), Lock()

    def note(self, entry: AuditEntry) -> None:
        written: Future[None] = Future()
        with self._queue:
            self._waiting.append((entry, written))
        with self._writing:
            # Whoever comes first writes for all who wait; these find it done.
            if not written.done():
                self._write()
        written.result()

    def _write(self) -> None:
        with self._queue:
            some, self._waiting = self._waiting, []
        try:
            self._audit.note_all([entry for entry, _ in some])
        except BaseException as error:  # whatever went wrong, everybody who waits is told
            for _, written in some:
                written.set_exception(error)
            raise
        for _, written in some:
            written.set_result(None)


class Looks:
    """The looks of one process."""

    def __init__(self, audit: Audit) -> None:
        self._log = Together(audit)
        self._noted: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], float] = {}
        self._lock = Lock()

    def note(self, lens: Lens, what: str, about: Iterable[str]) -> None:
        """Note a look, and by which unmaskings identities are shown, unless the same was noted a while ago."""
        persons = set(about)
        by = tuple(one.id for one in lens.unmaskings if one.person in persons)
        entry = look(lens.caller.name, what, persons, unmasked=by)
        if entry is None:
            return
        key, now = (lens.caller.name, what, tuple(entry.about), by), monotonic()
        with self._lock:
            if now - self._noted.get(key, -ONE_LOOK_SECONDS) < ONE_LOOK_SECONDS:
                return
        self._log.note(entry)
        with self._lock:
            if len(self._noted) >= REMEMBERED:
                self._noted.clear()
            self._noted[key] = now
