"""Commands that answer a person who asks what is held about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.findings import named
from app.cli.inputs import Json, house_of

Person = Annotated[str, typer.Argument(help="Employee number, mail address or account.")]
By = Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    subject = typer.Typer(help="Rights of the people whom data is about.", no_args_is_help=True)
    subject.callback()(rights)
    subject.command("access")(access)
    app.add_typer(subject, name="subject")


def rights() -> None:
    """Rights of the people whom data is about."""


def access(
    context: typer.Context,
    person: Person,
    out: Annotated[Path, typer.Argument(help="The .zip to write, which is not there yet.")],
    by: By = "",
    json: Json = False,
) -> None:
    """Write everything that is held about a person; other people in it are pseudonyms."""
    from app.answering import answer
    from app.cli.show import document, table, who
    from core.errors import Refused

    with house_of(context) as house:
        directory = house.directory()
        meant = [one for one in named(directory, person) if one in directory.known()]
        if len(meant) != 1:
            raise Refused(f"{len(meant)} persons may be meant by {person}: give the employee number")
        told = answer(house, meant[0], out, by=by or who())
    if json:
        document({"file": str(out), "held": told})
    else:
        table(f"Written to {out}", ("what", "how many"), told.items())
