"""Which roles go together, and who changes whose."""

from __future__ import annotations

from collections.abc import Collection

from core.access import Role
from core.errors import Refused

SEE_PERSONS = frozenset({Role.ANALYST, Role.SENIOR_ANALYST, Role.HR, Role.LEGAL})


def check_roles(roles: Collection[Role]) -> None:
    """Raises `Refused` where they do not go together: admins run the system and see no persons, HR sees persons
    by name and no cases, and a service is nobody."""
    if not roles:
        raise Refused("a user has at least one role")
    if Role.ADMIN in roles and (both := sorted(SEE_PERSONS & set(roles))):
        raise Refused(f"an admin sees no persons: admin does not go with {', '.join(both)}")
    if Role.HR in roles and (both := sorted((SEE_PERSONS - {Role.HR}) & set(roles))):
        raise Refused(f"HR sees no cases, and by its names would unmask them: hr does not go with {', '.join(both)}")
    if Role.SERVICE in roles and len(set(roles)) > 1:
        raise Refused("a service has no other role")
