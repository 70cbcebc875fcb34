"""Who works with leaverwatch."""

from __future__ import annotations

from collections.abc import Sequence

from core.access import Caller, Permission, Role
from core.notifying import Member

API = Caller(name="api", roles=frozenset(Role), permissions=frozenset(Permission))
"""Whoever has the token of the service."""


class OnlyApi:
    """Adapter of `core.notifying.Staff` where nobody but `API` is known, who has no mail."""

    def members(self) -> Sequence[Member]:
        return [Member(caller=API)]

    def member(self, name: str) -> Member | None:
        return Member(caller=API) if name == API.name else None
