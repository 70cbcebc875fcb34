"""Fields of stored events as rules name them: those of the field list, and vendors' own by their prefix."""

from __future__ import annotations

import re

import polars as pl
from sigma.types import SigmaType

from core.condition import Wild
from core.errors import RuleError
from core.schema import BY_NAME, Kind, vendor_value
from detection.node import Leaf, Node, fields_of, leaves
from detection.predicate import Compared, Pattern, Present, number_of
from detection.values import Placeholders, asked

VENDOR_PREFIXES = ("o365.audit.", "salesforce.", "winlog.event_data.", "postfix.")
"""Where a rule may name a vendor's own fields; what follows is the vendor's name of it."""


def is_ours(field: str) -> bool:
    """Whether the field is in the list, or a vendor's with its prefix."""
    return field in BY_NAME or field.startswith(VENDOR_PREFIXES)


def source_of(field: str) -> str:
    """The column a field is read from."""
    return field if field in BY_NAME else "event.original"


def asked_of_events(field: str, value: SigmaType, placeholders: Placeholders) -> Node:
    """What a rule asks of a stored event. Raises `RuleError` for a field that there is not, or a value that its kind
    cannot have."""
    node = asked(field, value, placeholders)
    for name in sorted(fields_of(node)):
        if not is_ours(name):
            raise RuleError(f"there is no field {name}")
        if name not in BY_NAME and not re.fullmatch(r"[\w.\- ]+", _path(name)):
            raise RuleError(f"{_path(name)!r} is no name of a vendor field")
    if field in BY_NAME:
        for leaf in leaves(node):
            _check(BY_NAME[field].kind, leaf)
    return node


def _check(kind: Kind, leaf: Leaf) -> None:
    if isinstance(leaf.test, Present):
        return
    plain = leaf.test.parts if isinstance(leaf.test, Pattern) else ()
    word = plain[0] if len(plain) == 1 and not isinstance(plain[0], Wild) else ""
    if kind is Kind.LONG and not isinstance(leaf.test, Compared) and number_of(word) is None:
        raise RuleError("a number is compared with something that is none")
    if kind is Kind.BOOLEAN and word not in ("true", "false"):
        raise RuleError("a yes-or-no field is compared with something else")


def text_of_field(field: str) -> pl.Expr:
    """A field of a frame of events as text, or as texts where it has several."""
    if field not in BY_NAME:
        return vendor_value(_path(field))
    column, kind = pl.col(field), BY_NAME[field].kind
    if kind is Kind.DATE:
        return column.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f+00:00")
    return column.cast(pl.String) if kind in (Kind.LONG, Kind.BOOLEAN) else column


def _path(field: str) -> str:
    prefix = next((prefix for prefix in VENDOR_PREFIXES if field.startswith(prefix)), "")
    return field.removeprefix(prefix)
