"""Changing a User by a PATCH."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from api.scim.errors import invalid, wrong
from api.scim.paths import MANY, OF_ENTERPRISE, Path, path_of
from api.scim.resource import ENTERPRISE, Operation, User

Document = dict[str, Any]
_MEANS_NOTHING = ("", None)


def patched(user: User, operations: Sequence[Operation]) -> User:
    """The User after all changes. Raises `ScimProblem`."""
    for operation in operations:
        document = user.model_dump(by_alias=True)
        for path, value in _changes(operation):
            _change(document, operation.op.lower(), path, value)
        try:
            user = User.model_validate(document)
        except ValidationError as error:
            raise invalid(error) from None
    return user


def _changes(operation: Operation) -> list[tuple[Path, Any]]:
    """What an operation changes. Without a path, it is an object of what would be paths."""
    if operation.op.lower() not in ("add", "replace", "remove"):
        raise wrong("invalidSyntax", "op is add, replace or remove")
    if operation.path:
        found = path_of(operation.path) if operation.path.lower() != ENTERPRISE.lower() else None
        if operation.path.lower() != ENTERPRISE.lower():
            return [(found, operation.value)] if found else []
        given = {operation.path: operation.value}
    elif operation.op.lower() == "remove":
        raise wrong("noTarget", "remove needs a path")
    elif not isinstance(operation.value, dict):
        raise wrong("invalidValue", "without a path the value is an object")
    else:
        given = operation.value
    flat: Document = {}
    for key, value in given.items():
        flat |= value if key.lower() == ENTERPRISE.lower() and isinstance(value, dict) else {key: value}
    paths = ((path_of(key), value) for key, value in flat.items())
    return [(path, value) for path, value in paths if path]


def _change(document: Document, op: str, path: Path, value: Any) -> None:
    holder = document[ENTERPRISE] if path.name in OF_ENTERPRISE else document
    if path.name in MANY:
        holder[path.name] = _many(holder[path.name], op, path, value)
    elif path.part:
        old = holder.get(path.name) or {}
        holder[path.name] = {**old, path.part: None if op == "remove" else value}
    elif op == "remove" or value in _MEANS_NOTHING:
        holder.pop(path.name, None)
    elif isinstance(value, dict) and isinstance(holder.get(path.name), dict):
        holder[path.name] = {**holder[path.name], **value}
    else:
        holder[path.name] = value


def _many(values: list[Document], op: str, path: Path, value: Any) -> list[Any]:
    """The values of an attribute that has many, after a change."""
    if path.where is None and path.part is None:
        if op == "remove":
            return []
        given = value if isinstance(value, list) else [value]
        return [*(one for one in values if one not in given), *given] if op == "add" else given
    meant = [one for one in values if _is_meant(one, path)]
    if op == "remove":
        if path.part is None:
            return [one for one in values if one not in meant]
        return [{**one, path.part: None} if one in meant else one for one in values]
    change = {path.part: value} if path.part else value
    if not isinstance(change, dict):
        raise wrong("invalidValue", f"a value of {path.name} is an object")
    if not meant:
        return [*values, {**(dict([path.where]) if path.where else {}), **change}]
    return [{**one, **change} if one in meant else one for one in values]


def _is_meant(one: Document, path: Path) -> bool:
    if path.where is None:
        return True
    name, wanted = path.where
    known = {key.lower(): value for key, value in one.items()}
    return str(known.get(name.lower(), "")).lower() == wanted.lower()
