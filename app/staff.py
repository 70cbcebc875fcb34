"""Who works with leaverwatch, for those who tell them something."""

from __future__ import annotations

from collections.abc import Sequence

from access.permissions import caller_of
from core.access import Caller
from core.notifying import Member
from core.users import User, Users


class Staff:
    """Adapter of `core.notifying.Staff` and `api.desks.Colleagues`: the users, but for those who are shut out."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def members(self) -> Sequence[Member]:
        return [_member(user) for user in self._users.users() if not user.disabled]

    def member(self, name: str) -> Member | None:
        user = self._users.user(name)
        return _member(user) if user and not user.disabled else None

    def colleague(self, name: str) -> Caller | None:
        found = self.member(name)
        return found.caller if found else None


def _member(user: User) -> Member:
    return Member(caller=caller_of(user), email=user.email, language=user.language)
