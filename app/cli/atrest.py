"""Commands about the keys that columns are encrypted by at rest."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer

from app.cli.inputs import Json, configuration

By = Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    at_rest = typer.Typer(help="Encryption of columns about people, where they lie.", no_args_is_help=True)
    at_rest.command("keys")(list_keys)
    at_rest.command("rotate")(rotate)
    app.add_typer(at_rest, name="at-rest")


def list_keys(context: typer.Context, json: Json = False) -> None:
    """By which keys columns were encrypted, and from when on; never the keys themselves."""
    from app.cli.show import document, table
    from app.wiring import records_of
    from store.records.atrest import keys

    with closing(records_of(configuration(context))) as records:
        found = keys(records.database)
    if json:
        document(found)
        return
    table(
        f"{len(found)} keys",
        ("key", "since", "everything is encrypted by it since"),
        ((one["key"], one["since"], one["done"] or "not yet: rotate again") for one in found),
    )


def rotate(context: typer.Context, by: By = "") -> None:
    """Make a new key and encrypt everything by it, while everything goes on; cut short, run it again."""
    from app.cli.show import bar, who
    from app.wiring import records_of
    from core.evidence import AuditEntry, Deed
    from store.records.atrest import keys
    from store.records.atrest import rotate as anew

    config = configuration(context)
    with closing(records_of(config)) as records, bar() as shown:
        task = shown.add_task("encrypting", total=None, note="")
        done = 0
        for rows in anew(records.database):
            done += rows
            shown.update(task, note=f"{done:,} rows")
        key = keys(records.database)[-1]["key"]
        details = {"key": key}
        records.note(AuditEntry(at=datetime.now(UTC), by=by or who(), deed=Deed.REKEYED, about=(), details=details))
    typer.echo(f"{done:,} rows are encrypted by key {key} now, the last one in {config.records_key}")
    typer.echo("backups made before need the keys above it")
