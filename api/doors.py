"""How callers are known: by the session of a cookie, or by a key."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import NoReturn

from fastapi import Request

from access.keys import id_of, opens
from access.permissions import caller_of
from access.sessions import is_csrf_token, unseen
from api.caller import unknown
from api.entrance import Entrance
from api.problems import Problem
from core.access import Caller, Permission
from core.users import User

CSRF_HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


class AccessDoor:
    """Adapter of `api.caller.Door`. A request that brings a key is known by that alone; one that brings a cookie and
    changes something has to bring the session's token beside it. `request.state.session` is the id of the session,
    empty for a key."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._gate = entrance.gate

    def caller(self, request: Request) -> Caller:
        given = request.headers.get("Authorization")
        if given is not None:
            return self._by_key(request, given)
        cookie = self._entrance.cookie_of(request)
        return self._by_session(request, cookie) if cookie else _nobody()

    def _by_key(self, request: Request, given: str) -> Caller:
        scheme, _, text = given.partition(" ")
        key_id = id_of(text) if scheme.lower() == "bearer" else None
        found = self._gate.records.key(key_id) if key_id else None
        at = self._gate.clock()
        if found is None or not opens(found[0], text, at) or found[1].disabled:
            _nobody()
        key, user = found
        if unseen(key.used, at):
            self._gate.records.used_key(key.id, at)
        request.state.session = ""
        return self._bounded(caller_of(user, key.permissions), user)

    def _by_session(self, request: Request, cookie: str) -> Caller:
        found = self._gate.caller_of(cookie)
        if found is None:
            _nobody()
        session, user = found
        if request.method not in SAFE and not is_csrf_token(cookie, request.headers.get(CSRF_HEADER, "")):
            raise Problem(HTTPStatus.FORBIDDEN, "csrf", f"the header {CSRF_HEADER} is not the session's token")
        at = self._gate.clock()
        if unseen(session.seen, at):
            self._gate.records.saw_session(session.digest, at)
        request.state.session = session.id
        return self._bounded(caller_of(user), user)

    def _bounded(self, caller: Caller, user: User) -> Caller:
        """Who has to set up a second factor first has their own account, and nothing else."""
        if not self._gate.lacks_factor(user):
            return caller
        own = caller.permissions & {Permission.OWN_ACCOUNT}
        return replace(caller, permissions=own, lacks_factor=True)


def _nobody() -> NoReturn:
    raise unknown("no session and no key that is good")
