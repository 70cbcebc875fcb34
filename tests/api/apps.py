"""Apps by the dozen: the routes are the same in all of them, and take half a second to make."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from fastapi import FastAPI

from api import server


@pytest.fixture(scope="session", autouse=True)
def routes_are_made_once() -> Iterator[None]:
    """Every app of the tests has its own state, layers and doors around the routes of the first."""
    make = server.described
    first = make()

    def described() -> FastAPI:
        with patch.object(server, "routers", tuple):
            app = make()
        app.router.routes.extend(first.router.routes[len(app.router.routes) :])
        return app

    with patch.object(server, "described", described):
        yield
