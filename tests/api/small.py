"""A small service with the layers of the real one, to try them on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.testclient import TestClient
from pydantic import BaseModel

from api.caller import needs
from api.etags import IfMatch, tagged, unchanged
from api.paging import Page
from api.problems import Problem, answer_problems, answers
from api.wire import wire
from api.wire.settings import Settings
from core.access import Caller, Permission
from store.records import SqlRecords
from tests.api.shops import EVERYTHING, Knows

KEY = "3f8e2c64-5a3d-4c51-9b0e-6d2f6c1f7a10"


class Thing(BaseModel):
    id: str
    size: int
    note: str | None = None


class Things:
    """A shelf of things, each of which has a version."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.version = 1

    def router(self) -> APIRouter:
        router = APIRouter()

        @router.get("/things", operation_id="list_things", responses=answers(401))
        def list_things(_: Caller = needs(Permission.READ_ALERTS)) -> Page[Thing]:
            return Page(items=[Thing(id=one, size=1) for one in self.made], next=None)

        @router.get("/thing", operation_id="get_thing")
        def get_thing(response: Response) -> Thing:
            tagged(response, self.version)
            return Thing(id="a", size=self.version)

        @router.put("/thing", operation_id="put_thing", responses=answers(412, 428))
        def put_thing(if_match: IfMatch = None) -> Thing:
            unchanged(if_match, self.version)
            self.version += 1
            return Thing(id="a", size=self.version)

        @router.post("/things", operation_id="make_thing", status_code=201)
        def make_thing(thing: Thing, caller: Caller = needs(Permission.WORK_CASES)) -> Thing:
            if thing.size < 0:
                raise Problem(409, "refused", "too small")
            if thing.size == 0:
                raise RuntimeError("the secret of the house")
            self.made.append(f"{caller.name}:{thing.id}")
            return Thing(id=f"{thing.id}{len(self.made)}", size=thing.size, note="n" * thing.size)

        @router.post("/login", operation_id="login")
        def login(thing: Thing) -> Thing:
            self.made.append(thing.id)
            return thing

        return router


def small(
    things: Things | None = None, caller: Caller = EVERYTHING, records: SqlRecords | None = None, **settings: Any
) -> TestClient:
    app = FastAPI()
    answer_problems(app)
    app.include_router((things or Things()).router())
    app.state.door = Knows(caller)
    app.state.shop = SimpleNamespace(records=records)
    wire(app, Settings(**settings))
    return TestClient(app, raise_server_exceptions=False)


def at(moment: datetime) -> Callable[..., datetime]:
    return lambda *_: moment


LONG_AGO = datetime(2026, 3, 2, tzinfo=UTC)
