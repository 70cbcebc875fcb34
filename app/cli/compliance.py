"""The command that writes a compliance report: `evidence report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.inputs import Json, house_of

Day = Annotated[str, typer.Option(help="A company day: 2026-10-01.")]


def report(
    context: typer.Context,
    since: Day,
    until: Day,
    out: Annotated[Path, typer.Option(help="Folder for report.pdf, report.html and a CSV of each table.")],
    lang: Annotated[Literal["en", "zh"], typer.Option(help="Language of the report.")] = "en",
    recipient: Annotated[str, typer.Option("--for", help="Whose copy it is; without, whoever is logged in.")] = "",
    names: Annotated[bool, typer.Option("--names", help="Persons by name; without, by pseudonym.")] = False,
    json: Json = False,
) -> None:
    """Write the compliance report of a period, its last day included."""
    from datetime import UTC, date, datetime
    from getpass import getuser

    from app.cli.show import document
    from app.compliance import Asked, write_report

    try:
        first, last = date.fromisoformat(since), date.fromisoformat(until)
    except ValueError:
        raise typer.BadParameter("give --since and --until as days: 2026-10-01") from None
    if first > last:
        raise typer.BadParameter("--since is after --until")
    at = datetime.now(UTC).replace(microsecond=0)
    asked = Asked(first=first, last=last, recipient=recipient or getuser(), lang=lang, named=names, at=at)
    with house_of(context) as house:
        files = write_report(house, asked, out)
    if json:
        document({"number": asked.number, "files": [str(file) for file in files]})
    else:
        typer.echo(f"{asked.number}: {len(files)} files in {out}")


def register(evidence: typer.Typer) -> None:
    """Add this module's command."""
    evidence.command()(report)
