"""Whether the audit log is whole."""

from __future__ import annotations

import json

from core.errors import Broken
from core.evidence import AuditEntry, check_chain
from core.ports import Records

PAGE = 5_000


def check(records: Records) -> int:
    """How many entries there are, each of which follows the one before it, the last that a snapshot knows of among
    them: so that none can be taken from the end unseen. Raises `Broken`, which names the first that does not hold."""
    known, digest = _known(records)
    last: AuditEntry | None = None
    while some := records.audited(after=last.number if last else -1, most=PAGE):
        last = check_chain(some, last)
        if any(entry.number == known - 1 and entry.digest != digest for entry in some):
            raise Broken(f"audit entry {known - 1} is another one than when evidence was frozen last")
    count = last.number + 1 if last else 0
    if count < known:
        raise Broken(f"audit entry {count} is missing: there were {known} when evidence was frozen last")
    return count


def _known(records: Records) -> tuple[int, str]:
    """How many entries there were when evidence was frozen last, and the digest of the last of them."""
    newest = records.last_snapshot()
    if newest is None:
        return 0, ""
    try:
        audit = json.loads(newest.body)["audit"]
        return int(audit["entries"]), str(audit["digest"])
    except (ValueError, KeyError, TypeError):
        raise Broken(f"snapshot {newest.id} was changed: it does not say what it knew of the audit log") from None
