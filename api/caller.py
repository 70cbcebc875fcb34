"""Who calls, and whether they may: every route that is not open to everybody names the permission it `needs`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Protocol

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync
from fastapi import Depends, Request

from api.problems import Problem
from core.access import Caller, Permission

BEARER = {"WWW-Authenticate": "Bearer"}
DOORS = 2
"""Who call are asked who they are two at a time, beside whatever is worked on."""
_DOORS: RunVar[CapacityLimiter] = RunVar("doors")


class Door(Protocol):
    """Knows callers by what their request carries."""

    def caller(self, request: Request) -> Caller:
        """Raises `Problem` (401) where it carries nothing that is known, or nothing that is known any more."""


def arrived(request: Request) -> Caller:
    """Whoever calls, unless they call too often; also who has to set up a second factor first."""
    door: Door = request.app.state.door
    caller = door.caller(request)
    request.state.caller = caller
    request.state.said = request.app.state.rates.take(caller.name)
    return caller


def known(request: Request) -> Caller:
    """Whoever calls, and has the second factor that they have to have."""
    return _with_factor(arrived(request))


async def _arriving(request: Request) -> Caller:
    """The same as `arrived`, beside whatever else is worked on."""
    return await run_sync(arrived, request, limiter=_at_the_door())


def _at_the_door() -> CapacityLimiter:
    try:
        return _DOORS.get()
    except LookupError:
        _DOORS.set(doors := CapacityLimiter(DOORS))
        return doors


def _with_factor(caller: Caller) -> Caller:
    if caller.lacks_factor:
        raise no_factor()
    return caller


def no_factor() -> Problem:
    """The caller may do nothing before they have a second factor."""
    told = "your role needs a second factor: set one up by POST /api/v1/me/totp and /api/v1/me/totp/confirm"
    return Problem(HTTPStatus.FORBIDDEN, "second-factor-missing", told)


def unknown(why: str) -> Problem:
    """The request carries nothing that anybody is known by."""
    return Problem(HTTPStatus.UNAUTHORIZED, "unknown-caller", why, BEARER)


class Needs:
    """A dependency: the caller, who has the permission. What nobody else has said may be done, may not."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, caller: Annotated[Caller, Depends(_arriving)]) -> Caller:
        return self._held(_with_factor(caller))

    def _held(self, caller: Caller) -> Caller:
        if not caller.may(self.permission):
            raise Problem(HTTPStatus.FORBIDDEN, "forbidden", f"this needs the permission {self.permission.value}")
        return caller


class NeedsFirst(Needs):
    """The same for what also those do who have to set up a second factor: they may do no more."""

    async def __call__(self, caller: Annotated[Caller, Depends(_arriving)]) -> Caller:
        return self._held(caller)


def needs(permission: Permission) -> Caller:
    """As the default of a route's parameter: `caller: Caller = needs(Permission.READ_ALERTS)`."""
    found: Caller = Depends(Needs(permission))
    return found


def needs_first(permission: Permission) -> Caller:
    """The same as `needs`, for what also those do who have to set up a second factor first."""
    found: Caller = Depends(NeedsFirst(permission))
    return found
