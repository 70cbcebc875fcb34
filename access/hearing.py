"""Who may know of what happened."""

from __future__ import annotations

from collections.abc import Mapping

from access.lens import Lens
from core.access import Permission
from core.happening import Happening, Kind

P = Permission
OF_WHAT: Mapping[str, frozenset[Permission]] = {
    "alert": frozenset({P.READ_ALERTS}),
    # Who reads cases but no alerts knows of those alone that were handed over.
    "case": frozenset({P.READ_CASES, P.READ_ALERTS}),
    "task": frozenset({P.READ_CASES, P.READ_ALERTS}),
    "filing": frozenset({P.READ_LEAVERS}),
    "notice": frozenset({P.READ_NOTICES}),
    "unmasking": frozenset({P.ASK_TO_UNMASK}),
    "action": frozenset({P.ASK_FOR_ACTIONS}),
    "user": frozenset({P.MANAGE_USERS}),
}
"""By the first word of a kind, what somebody has to be allowed to hear of it. Of anything else nobody hears."""


def audible(kind: Kind) -> frozenset[Permission] | None:
    """What somebody has to be allowed to hear of this kind; None: nobody hears of it."""
    return OF_WHAT.get(kind.value.partition(".")[0])


def hears(lens: Lens, happening: Happening) -> bool:
    """Whether a caller may know of it: of what it is about, and of whom."""
    needed = audible(happening.kind)
    if needed is None or not needed <= lens.caller.permissions:
        return False
    return not happening.person or lens.within(happening.person)
