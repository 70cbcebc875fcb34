"""Commands that take a copy of everything, and bring one back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.inputs import Json, configuration

if TYPE_CHECKING:
    from store.archive import Part

By = Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="The file to write, which is not there yet.")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="With the keys too: whoever has the file can sign and decrypt as we do.")
    ] = False,
    recipient: Annotated[
        list[str] | None, typer.Option(help="Encrypt to this age or SSH key; may be repeated.")
    ] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Write one file with records, events, models, rules and configuration, while everything goes on."""
    from app.backup import ELSEWHERE, EVENTS, back_up
    from app.cli.show import bar, document, who

    with bar() as shown:
        writing = shown.add_task("backing up", total=None, note="")
        size = 0

        def show(part: Part) -> None:
            nonlocal size
            size += part.size
            shown.update(writing, note=f"{size >> 20:,} MiB")

        manifest = back_up(
            configuration(context),
            out,
            by=by or who(),
            with_keys=with_keys,
            recipients=tuple(recipient or ()),
            progress=show,
        )
    if json:
        document({"file": str(out), "bytes": out.stat().st_size, "parts": len(manifest.parts), "rows": manifest.rows,
                  "events": manifest.events, "keys": manifest.keys})  # fmt: skip
        return
    typer.echo(f"{out} {out.stat().st_size:,} bytes, {sum(manifest.rows.values()):,} rows of records")
    if manifest.events == ELSEWHERE:
        typer.echo("events are NOT in it: they lie in Elasticsearch, whose own snapshots back them up (docs/backup.md)")
    else:
        typer.echo(f"{manifest.count(EVENTS):,} sealed files of events")
    if manifest.keys:
        typer.echo(f"keys are in it ({', '.join(manifest.keys)}): keep it as you keep them")
    else:
        typer.echo("keys are NOT in it: without them nothing is signed or decrypted after a restore; see --with-keys")
    if not recipient:
        typer.echo("it is not encrypted: see --recipient")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A backup.")],
    identity: Annotated[Path | None, typer.Option(help="File with the age or SSH key that decrypts it.")] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Bring a backup back into a data directory that is not there yet: all of it, once it is checked, or nothing."""
    from app.backup import ELSEWHERE
    from app.cli.show import document, who
    from app.restoring import restore as bring_back

    config = configuration(context)
    manifest = bring_back(config, file, by=by or who(), identity=identity)
    if json:
        document({"parts": len(manifest.parts), "rows": manifest.rows, "events": manifest.events,
                  "keys": manifest.keys, "taken": manifest.at})  # fmt: skip
        return
    typer.echo(f"{config.data} is as at {manifest.at}: {sum(manifest.rows.values()):,} rows of records")
    if manifest.events == ELSEWHERE:
        typer.echo("events are brought back by Elasticsearch's own snapshot, taken after this backup (docs/backup.md)")
    if not manifest.keys:
        typer.echo("keys were not in it: put them into the data directory before anything is signed or read")
    typer.echo("next: `leaverwatch doctor` and `leaverwatch doctor --ledger`; imports that ran meanwhile, run again")
