"""Keys that programs call with: `lw_<id>_<secret>`."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from hmac import compare_digest

from access.permissions import permissions_of
from access.tokens import digest_of, new_token
from core.access import Permission, Role
from core.errors import Refused
from core.users import Key, User

PREFIX = "lw"
LONGEST_DAYS = 366
ONLY_PEOPLE = frozenset(
    {
        Permission.OWN_ACCOUNT,
        Permission.MANAGE_USERS,
        Permission.MANAGE_KEYS,
        Permission.UNMASK_ALONE,
        Permission.APPROVE_UNMASKING,
        Permission.APPROVE_ACTIONS,
        Permission.LIFT_HOLDS,
        Permission.ANSWER_SUBJECTS,
    }
)
"""No key may do these: who finds one cannot make more, and a second person is a person."""


def allowed(owner: User) -> frozenset[Permission]:
    """What a key of this user may do at most."""
    return permissions_of(owner.roles) - ONLY_PEOPLE


def new_key(owner: User, purpose: str, permissions: Collection[Permission], days: int, at: datetime) -> tuple[Key, str]:
    """A key, and what is shown once. Raises `Refused` where its owner may not do what it should."""
    if beyond := sorted(set(permissions) - allowed(owner)):
        raise Refused(f"a key of {owner.name} cannot have {', '.join(beyond)}")
    if not permissions:
        raise Refused("a key without permissions opens nothing")
    if not 1 <= days <= LONGEST_DAYS:
        raise Refused(f"a key lasts 1 to {LONGEST_DAYS} days")
    text = f"{PREFIX}_{secrets.token_hex(6)}_{new_token()}"
    key = Key(
        id=text.split("_")[1],
        digest=digest_of(text),
        user=owner.name,
        purpose=purpose,
        permissions=frozenset(permissions),
        created=at,
        expires=at + timedelta(days=days),
    )
    return key, text


def id_of(text: str) -> str | None:
    """The id of what may be a key."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else None


def opens(key: Key, text: str, at: datetime) -> bool:
    """Whether it is this key, and it is still good."""
    same = compare_digest(key.digest.encode(), digest_of(text).encode())
    return same and key.revoked is None and at < key.expires


def may_have_key_made(owner: User) -> bool:
    """Whether somebody else may make keys in the user's name: only of services, since a key acts as its owner."""
    return owner.roles == {Role.SERVICE}
