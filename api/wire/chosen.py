"""Sparse fields: `fields=id,score` leaves the others out, of every list and document that has named fields."""

from __future__ import annotations

from types import GenericAlias
from typing import Any, get_args, get_origin
from urllib.parse import parse_qs

import orjson
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from api.operations import operation_of
from api.problems import Problem, answer_of
from api.wire.whole import Whole
from core.schema import SCHEMA

MOST = 100


class ChosenFields:
    """A layer: of the answers to GET only the fields that the caller names. Of a list they are those of its items."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or b"fields=" not in scope["query_string"]:
            await self._app(scope, receive, send)
            return
        try:
            chosen = _chosen(scope)
        except Problem as problem:
            await answer_of(problem)(scope, receive, send)
            return
        if not chosen:
            await self._app(scope, receive, send)
            return

        def change(_: MutableHeaders, body: bytes) -> tuple[int, bytes]:
            return 200, orjson.dumps(_only(orjson.loads(body), chosen))

        await self._app(scope, receive, Whole(send, change))


def fields_of(route: APIRoute) -> tuple[str, ...]:
    """The fields that may be asked of an operation; none where its answers have no names to choose from."""
    if "GET" not in (route.methods or ()):
        return ()
    item = _item(route.response_model)
    if isinstance(item, type) and not isinstance(item, GenericAlias) and issubclass(item, BaseModel):
        return tuple(item.model_fields)
    return tuple(SCHEMA) if get_origin(item) is dict else ()


def listed(model: type[BaseModel]) -> str | None:
    """The name of a page's list."""
    lists = [name for name, field in model.model_fields.items() if get_origin(field.annotation) is list]
    return lists[0] if "next" in model.model_fields and len(lists) == 1 else None


def _item(model: Any) -> Any:
    """What a list or a page is a list of; of anything else itself."""
    if get_origin(model) is list:
        return get_args(model)[0]
    if isinstance(model, type) and not isinstance(model, GenericAlias) and issubclass(model, BaseModel):
        name = listed(model)
        return get_args(model.model_fields[name].annotation)[0] if name else model
    return None


def _chosen(scope: Scope) -> frozenset[str]:
    asked = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=200).get("fields", [])
    names = [name.strip() for text in asked for name in text.split(",")]
    route = operation_of(scope)
    if not names or route is None:
        return frozenset()
    known = fields_of(route)
    unknown = sorted({name[:50] for name in names} - set(known))
    if unknown or len(names) > MOST:
        raise Problem(422, "unknown-fields", f"there are no fields {', '.join(unknown[:MOST])}"[:500])
    return frozenset(names)


def _only(answer: Any, chosen: frozenset[str]) -> Any:
    if isinstance(answer, list):
        return [_only(one, chosen) for one in answer]
    name = next((name for name, value in answer.items() if isinstance(value, list)), None)
    if name is not None and "next" in answer:
        return answer | {name: [_only(one, chosen) for one in answer[name]]}
    return {name: value for name, value in answer.items() if name in chosen}
