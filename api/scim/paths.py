"""Paths of PATCH and filters of GET, read by hand: the few forms that identity providers send, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass

from api.scim.errors import wrong
from api.scim.resource import ENTERPRISE, USER

LONGEST = 500
KNOWN: dict[str, frozenset[str]] = {
    "userName": frozenset(),
    "externalId": frozenset(),
    "active": frozenset(),
    "displayName": frozenset(),
    "title": frozenset(),
    "name": frozenset({"formatted", "familyName", "givenName"}),
    "emails": frozenset({"value", "type", "primary"}),
    "addresses": frozenset({"country", "type", "primary"}),
    "employeeNumber": frozenset(),
    "department": frozenset(),
    "manager": frozenset({"value"}),
}
OF_ENTERPRISE = frozenset({"employeeNumber", "department", "manager"})
MANY = frozenset({"emails", "addresses"})
LEFT_OUT = frozenset(
    {
        *("nickname", "profileurl", "usertype", "preferredlanguage", "locale", "timezone", "phonenumbers", "ims"),
        *("photos", "groups", "entitlements", "roles", "x509certificates", "password", "costcenter", "organization"),
        *("division", "schemas", "meta", "id"),
    }
)
"""Attributes of a User that the RFC knows and nobody needs here: a change of one is no mistake, and does nothing."""
_NAMES = {name.lower(): name for name in KNOWN}


@dataclass(frozen=True, slots=True)
class Path:
    """What a change is of: an attribute, of one that has many values those where a part has a value, and a part."""

    name: str
    where: tuple[str, str] | None = None
    part: str | None = None


def path_of(text: str) -> Path | None:
    """A path; None for one of an attribute that is left out. Raises `ScimProblem`."""
    if len(text) > LONGEST:
        raise wrong("invalidPath", "the path is too long")
    rest = _without_schema(text.strip())
    head, bracket, tail = rest.partition("[")
    where = None
    if bracket:
        inside, closed, tail = tail.partition("]")
        if not closed or (tail and not tail.startswith(".")):
            raise wrong("invalidPath", "the path has no end of its filter")
        where, tail = comparison(inside, "invalidPath"), tail[1:]
    else:
        head, _, tail = rest.partition(".")
    if head.strip().lower() in LEFT_OUT:
        return None
    name = _NAMES.get(head.strip().lower())
    if name is None:
        raise wrong("invalidPath", "the path names no attribute that is known here")
    if where and name not in MANY:
        raise wrong("invalidPath", f"{name} has one value only")
    parts = {part.lower(): part for part in KNOWN[name]}
    if where and where[0].lower() not in parts:
        raise wrong("invalidPath", f"{name} is not told apart by that")
    if not tail:
        return Path(name, where)
    part = parts.get(tail.strip().lower())
    return Path(name, where, part) if part else None


def _without_schema(text: str) -> str:
    for schema in (ENTERPRISE, USER):
        if text.lower().startswith(f"{schema.lower()}:"):
            return text[len(schema) + 1 :]
    return text


def comparison(text: str, kind: str = "invalidFilter") -> tuple[str, str]:
    """`attribute eq "value"` as the two. Raises `ScimProblem`."""
    name, _, rest = text.strip()[:LONGEST].partition(" ")
    operator, _, written = rest.strip().partition(" ")
    try:
        value = json.loads(written)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, bool):
        value = str(value).lower()
    if len(text) > LONGEST or operator.lower() != "eq" or not name or not isinstance(value, str):
        raise wrong(kind, 'a comparison is: attribute eq "value"')
    return name, value
