"""The routes, a module for each thing they are about. Every module has a `router`, and is found by looking."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from fastapi import APIRouter


def routers() -> Iterator[APIRouter]:
    """All there are, by name of module."""
    for module in sorted(iter_modules(__path__), key=lambda one: one.name):
        router: APIRouter = import_module(f"{__name__}.{module.name}").router
        yield router
