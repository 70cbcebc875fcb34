"""The command that moves an embedded store into a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.inputs import Json, configuration

if TYPE_CHECKING:
    from store.moving import Moved

To = Annotated[Literal["elasticsearch"], typer.Option("--to", help="Where events shall lie.")]


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(migrate)


def migrate(context: typer.Context, to: To, json: Json = False) -> None:
    """Move an embedded store to the servers that the configuration names: everything is read back and compared.
    Stop whatever else works on the data directory first; what was cut short goes on where it was."""
    from app.cli.show import bar, document, table
    from app.moving import migrate as move

    with bar() as shown:
        moving = shown.add_task(f"moving to {to}", total=None, note="")
        rows = 0

        def show(moved: Moved) -> None:
            nonlocal rows
            rows += moved.rows
            shown.update(moving, note=f"{moved.source} {rows:,} rows")

        account = move(configuration(context), show)
    lines = [
        {"source": source, "kind": kind, "rows": total.rows, "refused": total.refused, "digest": f"{total.digest:064x}"}
        for (source, kind), total in sorted(account.totals.items())
    ]
    if json:
        document({"records": account.records, "moved": lines})
        return
    table(
        "Moved, read back and compared",
        ("source", "kind", "rows", "refused", "digest"),
        ((*list(line.values())[:-1], str(line["digest"])[:16]) for line in lines),
    )
    typer.echo(f"{account.records:,} rows of records copied; the data directory may go once you have a copy of it")
