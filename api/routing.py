"""Where the work of routes is done."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool


class Worked(APIRoute):
    """A route whose function works in a thread, and whose answer is then checked and written without another one: every
    change of threads waits for whoever is at work."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _in_thread(endpoint), **options)


Router = partial(APIRouter, route_class=Worked)


def _in_thread(work: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(work):
        return work

    @wraps(work)
    async def working(**given: Any) -> Any:
        return await run_in_threadpool(work, **given)

    return working
