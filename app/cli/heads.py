"""Signed heads of the ledger, and the keys that sign them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.inputs import Json, house_of

heads = typer.Typer(help="Signed heads of the ledger.", no_args_is_help=True)
keys = typer.Typer(help="Keys that sign the ledger.", no_args_is_help=True)


@heads.command()
def make(context: typer.Context) -> None:
    """Sign the ledger as it is now, where it grew, and have it time-stamped."""
    from app.heads import keep_heads

    with house_of(context) as house:
        kept = keep_heads(house)
    told = f"{kept.head.head.size:,} leaves signed" if kept.head else "nothing was added since the last head"
    typer.echo(told)
    for trouble in kept.troubles:
        typer.echo(trouble, err=True)
    if kept.troubles:
        raise typer.Exit(1)


@heads.command("list")
def list_heads(context: typer.Context, json: Json = False) -> None:
    """Every signed head, the oldest first."""
    from app.cli.show import line, table
    from evidence.heads import head_values

    with house_of(context) as house:
        found = house.records.heads()
    if json:
        for signed in found:
            line(head_values(signed))
        return
    table(
        "Signed heads of the ledger",
        ("leaves", "signed", "key", "root (SHA-256)", "stamped by"),
        (
            (
                f"{one.head.size:,}",
                f"{one.head.at:%Y-%m-%d %H:%M:%S} UTC",
                one.key[:16],
                one.head.roots["sha256"][:16],
                ", ".join(token.authority for token in one.tokens),
            )
            for one in found
        ),
    )


@heads.command()
def export(context: typer.Context, file: Path) -> None:
    """Write all heads and keys to a file, a line of JSON each, for somebody else to keep."""
    from core.errors import Refused
    from evidence.heads import lines

    with house_of(context) as house:
        try:
            with file.open("xb") as out:
                out.writelines(lines(house.records.heads(), house.records.keys()))
        except OSError as error:
            raise Refused(f"{file} cannot be written: {error.strerror}") from None
    typer.echo(f"wrote {file}")


@heads.command()
def prove(
    context: typer.Context,
    old: Annotated[int, typer.Argument(min=1)],
    new: Annotated[int, typer.Argument(min=1)],
) -> None:
    """Print the proof of RFC 6962 that the ledger of NEW leaves grew out of that of OLD, a hash a line."""
    from evidence.heads import prove as proof

    with house_of(context) as house:
        for digest in proof(house.records, old, new):
            typer.echo(digest.hex())


@keys.command()
def rotate(context: typer.Context) -> None:
    """Have another key sign from now on, its predecessor's signature under it."""
    from app.heads import rotate as hand_over
    from evidence.signing import fingerprint

    with house_of(context) as house:
        typer.echo(fingerprint(hand_over(house).public))


@keys.command("list")
def list_keys(context: typer.Context, json: Json = False) -> None:
    """Every key that signed, the first one first."""
    from app.cli.show import line, table
    from evidence.heads import key_values
    from evidence.signing import fingerprint

    with house_of(context) as house:
        found = house.records.keys()
    if json:
        for key in found:
            line(key_values(key) | {"fingerprint": fingerprint(key.public)})
        return
    rows = ((fingerprint(key.public), f"{key.since:%Y-%m-%d %H:%M:%S} UTC") for key in found)
    table("Keys of the ledger", ("fingerprint (SHA-256)", "since"), rows)
