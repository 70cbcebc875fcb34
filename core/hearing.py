"""Who may know of what happened: nobody hears, by mail or live, what they may not look up."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.access import Permission, Role
from core.happening import Happening, Kind

P = Permission
NEEDED: Mapping[Kind, Permission] = {
    Kind.ALERT_RAISED: P.READ_ALERTS,
    Kind.ALERT_CHANGED: P.READ_ALERTS,
    Kind.ALERT_GONE: P.READ_ALERTS,
    Kind.CASE_OPENED: P.READ_CASES,
    Kind.CASE_MOVED: P.READ_CASES,
    Kind.CASE_ASSIGNED: P.READ_CASES,
    Kind.CASE_COMMENTED: P.READ_CASES,
    Kind.CASE_DECIDED: P.READ_CASES,
    Kind.CASE_DUE: P.READ_CASES,
    Kind.CASE_OVERDUE: P.READ_CASES,
    Kind.TASK_SET: P.READ_CASES,
    Kind.TASK_DUE: P.READ_CASES,
    Kind.TASK_OVERDUE: P.READ_CASES,
    Kind.FILING_RECEIVED: P.READ_LEAVERS,
    Kind.NOTICE_SENT: P.READ_NOTICES,
    Kind.NOTICE_ANSWERED: P.READ_NOTICES,
    Kind.NOTICE_WITHDRAWN: P.READ_NOTICES,
    Kind.NOTICE_DUE: P.READ_NOTICES,
    Kind.NOTICE_OVERDUE: P.READ_NOTICES,
    Kind.UNMASKING_ASKED: P.APPROVE_UNMASKING,
    Kind.UNMASKING_GRANTED: P.ASK_TO_UNMASK,
    Kind.ACTION_ASKED: P.APPROVE_ACTIONS,
    Kind.ACTION_APPROVED: P.ASK_FOR_ACTIONS,
    Kind.ACTION_REFUSED: P.ASK_FOR_ACTIONS,
    Kind.ACTION_SENT: P.ASK_FOR_ACTIONS,
    Kind.ACTION_DONE: P.ASK_FOR_ACTIONS,
    Kind.ACTION_FAILED: P.ASK_FOR_ACTIONS,
    Kind.ACTION_EXPIRED: P.ASK_FOR_ACTIONS,
    Kind.CHANNEL_OFF: P.MANAGE_NOTIFICATIONS,
    Kind.USER_LOCKED: P.MANAGE_USERS,
    Kind.WATCHING_ENDED: P.READ_LEAVERS,
    Kind.ACCOUNT_LINK_MADE: P.OWN_ACCOUNT,
    Kind.ACCOUNT_PASSWORD_CHANGED: P.OWN_ACCOUNT,
    Kind.ACCOUNT_FACTOR_REMOVED: P.OWN_ACCOUNT,
}
OF_ACCOUNT = frozenset({Kind.ACCOUNT_LINK_MADE, Kind.ACCOUNT_PASSWORD_CHANGED, Kind.ACCOUNT_FACTOR_REMOVED})
"""Of these their own user is told, asked for or not, so that nobody takes over an account unnoticed."""
_OF_FEW = OF_ACCOUNT | {Kind.UNMASKING_ASKED, Kind.UNMASKING_GRANTED}


def may_know(permissions: Collection[Permission], happening: Happening, *, names: Collection[str]) -> bool:
    """Whether somebody with these permissions, who is meant by these names (see `names_of`), may know of it. A kind
    that nobody has given a place in the table is known to nobody. Whoever reads cases but no alerts knows only of those
    that were handed to them, and of unmaskings and accounts only those know who are meant."""
    needed = NEEDED.get(happening.kind)
    if needed is None or needed not in permissions:
        return False
    if happening.kind in _OF_FEW or (needed is P.READ_CASES and P.READ_ALERTS not in permissions):
        return _meant(happening, names)
    return True


def is_told(permissions: Collection[Permission], happening: Happening, *, names: Collection[str]) -> bool:
    """Whether somebody is told who has asked to be: what is meant for some is told to no others."""
    return may_know(permissions, happening, names=names) and (not happening.to or _meant(happening, names))


def _meant(happening: Happening, names: Collection[str]) -> bool:
    return not set(happening.to).isdisjoint(names)


def names_of(roles: Collection[Role], user: str = "") -> list[str]:
    """What somebody is meant by: `user:<name>`, `role:<role>`."""
    return [*(f"role:{role.value}" for role in roles), *([f"user:{user}"] if user else [])]
