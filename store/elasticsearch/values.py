"""Columns of events from what indices keep of each field beside the documents, which then are not unpacked: half the
work. Texts, records and what a field is too long or too odd for lie in documents only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from core.schema import BY_NAME, SCHEMA, TIME, Kind
from store.elasticsearch.documents import timed
from store.elasticsearch.searching import Query, any_of, every, ignored, none_of

KEPT = frozenset({Kind.KEYWORD, Kind.KEYWORDS, Kind.IP, Kind.LONG, Kind.DATE, Kind.BOOLEAN})
MICROSECONDS = "uuuu-MM-dd'T'HH:mm:ss.SSSSSS'Z'"


def in_columns(columns: Iterable[str]) -> bool:
    """Whether indices keep all of these columns."""
    return all(BY_NAME[name].kind in KEPT for name in columns)


def formats(columns: Iterable[str]) -> dict[str, str | None]:
    """The columns to ask for, each with its format."""
    return {name: MICROSECONDS if SCHEMA[name] == TIME else None for name in columns}


def otherwise(columns: Collection[str]) -> Query:
    """Events of which one of these columns is kept in other words than those of the document, or not at all."""
    addresses = [name for name in columns if BY_NAME[name].kind is Kind.IP]
    long = [every({"exists": {"field": name}}, none_of({"term": {name: "0.0.0.0/0"}})) for name in addresses]
    return any_of(*map(ignored, columns), *long)


def frame_of_values(hits: Sequence[Mapping[str, Sequence[Any]]], columns: Sequence[str]) -> pl.DataFrame:
    """The columns, from the values of each hit."""
    types = {name: SCHEMA[name] for name in columns}
    found = {name: list(_values(hits, name, many=types[name] == pl.List(pl.String()))) for name in columns}
    texts = {name: pl.String() if dtype == TIME else dtype for name, dtype in types.items()}
    return timed(pl.DataFrame(found, schema=texts), types)


def _values(hits: Sequence[Mapping[str, Sequence[Any]]], name: str, *, many: bool) -> Iterator[Any]:
    values = (hit.get(name) for hit in hits)
    return values if many else (value and value[0] for value in values)
