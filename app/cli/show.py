"""How results reach the terminal: one JSON document, or a table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from core.batch import Quarantined


def document(value: object) -> None:
    """Print one JSON document on standard output."""
    typer.echo(orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())


def who() -> str:
    """Whoever is logged in; by number where the machine knows no name, as in a container."""
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def line(value: object) -> None:
    """Print one JSON document on one line."""
    typer.echo(orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z).decode())


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; text in it is never markup."""
    drawn = Table(title=escape(title), title_justify="left")
    for name in head:
        drawn.add_column(escape(name), overflow="fold")
    for row in rows:
        drawn.add_row(*(escape(_cell(cell)) for cell in row))
    Console().print(drawn)


def bar() -> Progress:
    """A progress bar on standard error, gone when done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(type(value).__name__)


def _cell(cell: object) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, int):
        return f"{cell:,}"
    return "" if cell is None else str(cell)


def unread(bad: Quarantined, *, masked: bool = False) -> dict[str, object]:
    """A quarantined record as a document; masked, without anything that stands in it."""
    return {
        "id": bad.id,
        "source": bad.source,
        "file": bad.file,
        "record": bad.sequence,
        "reason": bad.reason.partition(": ")[0] if masked else bad.reason,
        "original": None if masked else bad.original.decode(errors="replace"),
    }
