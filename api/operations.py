"""The operations of an app: which there are, who may call them, and which one a request asks for."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Match
from starlette.types import Scope

from api.caller import Needs
from core.access import Permission


def operations(app: FastAPI) -> list[APIRoute]:
    """All of an app that is put together, in the order in which requests find them."""
    known: list[APIRoute] | None = getattr(app.state, "operations", None)
    if known is None:
        routes = (context.original_route for context in iter_route_contexts(app.routes))
        known = app.state.operations = [route for route in routes if isinstance(route, APIRoute)]
    return known


def know_callers_first(app: FastAPI) -> None:
    """Whoever may not is told so, before anything else of their request is looked into."""
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        if isinstance(dependant, Dependant):
            dependant.dependencies.sort(key=lambda one: not isinstance(one.call, Needs))


def operation_of(scope: Scope) -> APIRoute | None:
    """What a request asks for, before it got there."""
    for route in operations(scope["app"]):
        if route.matches(scope)[0] is Match.FULL:
            return route
    return None


def needed(route: APIRoute) -> frozenset[Permission]:
    """The permissions that an operation needs; none: it is open to everybody."""
    return frozenset(_needed(route.dependant))


def _needed(dependant: Dependant) -> Iterator[Permission]:
    if isinstance(dependant.call, Needs):
        yield dependant.call.permission
    for one in dependant.dependencies:
        yield from _needed(one)
