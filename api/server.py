"""The HTTP service, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from api.caller import Door
from api.metrics import Counts
from api.openapi import describe
from api.operations import know_callers_first
from api.problems import answer_problems
from api.routes import routers
from api.shop import Shop
from api.stream import Stream
from api.wire import wire
from api.wire.settings import Settings

AT_ONCE = 2
"""Requests that are worked on at the same time, the others wait their turn: Python works on one at a time anyway, and
who changes places all the time gets less done."""


@asynccontextmanager
async def _few_at_once(_: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = AT_ONCE
    yield


def create_app(shop: Shop, door: Door, settings: Settings | None = None) -> FastAPI:
    """The service. Every route but health and readiness wants a caller whom the door knows."""
    app = described()
    app.state.shop = shop
    app.state.counts = Counts(shop.events)
    app.state.door = door
    settings = settings or Settings()
    app.state.stream = Stream(shop.records, settings.streams)
    wire(app, settings)
    return app


def described() -> FastAPI:
    """All routes, with nothing behind them: what can be said of the service without a store."""
    app = FastAPI(
        title="leaverwatch",
        version="1",
        summary="Explained alerts about what people do before and after they leave",
        docs_url=None,
        redoc_url=None,
        lifespan=_few_at_once,
    )
    answer_problems(app)
    for router in routers():
        app.include_router(router)
    know_callers_first(app)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    return app
