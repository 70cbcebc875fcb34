"""What the audit log says of logins, and of changes to who may do what. Never a secret, nor part of one."""

from __future__ import annotations

from datetime import datetime

from core.evidence import AuditEntry, Deed
from core.users import User


def of(user: str) -> str:
    """How the log names a user."""
    return f"user:{user}"


def changed(by: str, user: str, at: datetime, what: str, **details: object) -> AuditEntry:
    """Somebody changed what a user may do or logs in with."""
    about, told = [of(user)] if user else [], {"what": what, **details}
    return AuditEntry(at=at, by=by, deed=Deed.CHANGED_ACCESS, about=about, details=told)


def login(deed: Deed, user: str, at: datetime, **details: object) -> AuditEntry:
    """A user came, went, was turned away or locked out; `user` is empty where nobody is called so."""
    return AuditEntry(at=at, by=user or "nobody", deed=deed, about=[of(user)] if user else [], details=details)


def rights(user: User) -> dict[str, object]:
    """What a user may do, as details."""
    return {
        "roles": sorted(user.roles),
        "departments": sorted(user.scope.departments),
        "countries": sorted(user.scope.countries),
        "disabled": user.disabled,
    }
