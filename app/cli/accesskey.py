"""Commands about the key that seals second factors and the addresses of channels."""

from __future__ import annotations

from contextlib import closing

import typer

from app.cli.atrest import By
from app.cli.inputs import Json, configuration


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    access_key = typer.Typer(help="The key that seals second factors and addresses of channels.", no_args_is_help=True)
    access_key.command("keys")(list_keys)
    access_key.command("rotate")(rotate)
    app.add_typer(access_key, name="access-key")


def list_keys(context: typer.Context, json: Json = False) -> None:
    """The access keys, oldest first, and how much lies sealed by each; never the keys themselves."""
    from app.cli.show import document, table
    from app.entrance import access_keys
    from app.wiring import records_of

    config = configuration(context)
    with closing(records_of(config)) as records:
        found = access_keys(config, records)
    if json:
        document([{"key": key, "sealed": count} for key, count in found])
        return
    table(f"{len(found)} keys", ("key", "secrets that it sealed"), found)


def rotate(context: typer.Context, by: By = "") -> None:
    """Make a new key and seal everything by it, while everything goes on; cut short, run it again. Where [access] key
    names keys, its last one is taken."""
    from app.cli.show import who
    from app.entrance import rotate as anew
    from app.wiring import records_of

    config = configuration(context)
    with closing(records_of(config)) as records:
        key, count = anew(config, records, by or who())
    typer.echo(f"{count} secrets are sealed by key {key} now")
    typer.echo("backups made before need the keys before it")
