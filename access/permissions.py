"""The one table of who may do what. `docs/security.md` shows it, and a test tries every endpoint as every role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.access import Caller, Permission, Role

P = Permission
_ANALYST = frozenset(
    {
        P.OWN_ACCOUNT,
        P.READ_ALERTS,
        P.READ_CASES,
        P.WORK_CASES,
        P.DECIDE_CASES,
        P.READ_PERSONS,
        P.READ_EVENTS,
        P.READ_SOURCES,
        P.READ_RULES,
        P.READ_GROUNDS,
        P.READ_MODELS,
        P.ASK_TO_UNMASK,
        P.READ_LEAVERS,
        P.SEND_NOTICES,
        P.READ_NOTICES,
        P.ASK_FOR_ACTIONS,
    }
)
OF_ROLE: Mapping[Role, frozenset[Permission]] = {
    Role.ANALYST: _ANALYST,
    Role.SENIOR_ANALYST: _ANALYST
    | {
        P.JOIN_CASES,
        P.UNMASK_ALONE,
        P.APPROVE_UNMASKING,
        P.APPROVE_ACTIONS,
        P.FILE_GROUNDS,
        P.CHANGE_MODELS,
        P.PLACE_HOLDS,
        P.READ_REPORTS,
    },
    Role.HR: frozenset(
        {P.OWN_ACCOUNT, P.READ_LEAVERS, P.FILE_LEAVERS, P.FILE_PEOPLE, P.READ_NOTICES, P.ANSWER_NOTICES}
    ),
    Role.LEGAL: frozenset(
        {
            P.OWN_ACCOUNT,
            P.READ_CASES,
            P.ASK_TO_UNMASK,
            P.APPROVE_UNMASKING,
            P.EXPORT_EVIDENCE,
            P.PLACE_HOLDS,
            P.LIFT_HOLDS,
            P.ANSWER_SUBJECTS,
            P.READ_REPORTS,
        }
    ),
    Role.AUDITOR: frozenset({P.OWN_ACCOUNT, P.READ_AUDIT, P.READ_REPORTS, P.READ_SOURCES, P.READ_RULES}),
    Role.ADMIN: frozenset(
        {
            P.OWN_ACCOUNT,
            P.MANAGE_USERS,
            P.MANAGE_KEYS,
            P.MANAGE_NOTIFICATIONS,
            P.READ_SOURCES,
            P.READ_RULES,
            P.READ_MODELS,
            P.READ_METRICS,
        }
    ),
    Role.SERVICE: frozenset(
        {
            P.READ_ALERTS,
            P.READ_CASES,
            P.READ_SOURCES,
            P.READ_METRICS,
            P.READ_LEAVERS,
            P.FILE_LEAVERS,
            P.FILE_PEOPLE,
            P.READ_NOTICES,
        }
    ),
}


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """What somebody with these roles may do."""
    return frozenset(permission for role in roles for permission in OF_ROLE[role])


def sees_every_case(caller: Caller) -> bool:
    """Whether the caller sees cases that nobody handed over: by another role than legal's."""
    others = caller.roles - {Role.LEGAL}
    return Permission.READ_CASES in permissions_of(others)
