"""Which files are meant, and which source reads each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl
from pydantic import JsonValue

from api.documents import document
from app.pipeline import Input
from core.batch import Quarantined
from core.errors import Refused
from ingest.catalog import Source

Refusals = list[tuple[Path, str]]


def source_named(name: str, catalog: Mapping[str, Source]) -> Source:
    """The source of that name; raises `Refused` with the names there are."""
    try:
        return catalog[name]
    except KeyError:
        raise Refused(f"no source is called {name}; there are: {', '.join(sorted(catalog))}") from None


def inputs_named(source: Source, paths: Iterable[Path]) -> list[Input]:
    """The files given, and all files below the folders given, in order of their names."""
    return [Input(source, file) for path in paths for file in _files(path)]


def inputs_below(catalog: Mapping[str, Source], folder: Path) -> tuple[list[Input], Refusals]:
    """Files of a folder with one folder per system, each with the source that recognises it; and those nobody does."""
    if not folder.is_dir():
        raise Refused(f"{folder} is not a folder")
    found: list[Input] = []
    refused: Refusals = []
    by_folder: dict[str, list[Source]] = {}
    for source in catalog.values():
        by_folder.setdefault(source.folder, []).append(source)
    for name, readers in sorted(by_folder.items()):
        for file in _files(folder / name) if (folder / name).is_dir() else ():
            reader = next((source for source in readers if source.recognises(file)), None)
            if reader:
                found.append(Input(reader, file))
            else:
                refused.append((file, f"no source of {name} knows this format"))
    return found, refused


def parsed(source: Source, paths: Iterable[Path]) -> Iterator[dict[str, JsonValue] | Quarantined]:
    """Every event as an ECS document and every unreadable record; joined lines last, once all files are read."""
    fragments = []
    for item in inputs_named(source, paths):
        for batch in source.batches(item.path):
            yield from (document(row) for row in batch.events.iter_rows(named=True))
            yield from batch.quarantined
            fragments.append(batch.fragments)
    if source.joins and fragments:
        yield from (document(row) for row in source.assemble(pl.concat(fragments)).iter_rows(named=True))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
