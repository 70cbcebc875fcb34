"""Commands that bring data in: parse, ingest, people, leavers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.config import Config
    from app.pipeline import Imported, Input
    from app.wiring import House
    from core.batch import Batch
    from ingest.hr import HrImport

leavers = typer.Typer(help="What HR filed about departures.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def settings(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="LEAVERWATCH_DATA, else ./leaverwatch-data.")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file (LEAVERWATCH_CONFIG).")] = None,
) -> None:
    """Protects a company's customers and data when people leave: raw logs in, explained alerts out."""
    context.obj = (data, config)


def configuration(context: typer.Context) -> Config:
    """The configuration this line asks for."""
    from app.config import load

    data, file = context.obj
    return load(data, file)


@contextmanager
def house_of(context: typer.Context) -> Iterator[House]:
    """The opened stores of this line's configuration."""
    from app.wiring import open_house

    with open_house(configuration(context)) as house:
        yield house


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(parse)
    app.command("ingest")(ingest_files)
    people = typer.Typer(help="Employees and their accounts.", no_args_is_help=True)
    people.command("import")(import_people)
    app.add_typer(people, name="people")
    leavers.command("import")(import_leavers)
    app.add_typer(leavers, name="leavers")


def parse(
    context: typer.Context,
    source: str,
    files: list[Path],
    explain: Annotated[bool, typer.Option(help="Print unreadable records and why, instead of events.")] = False,
) -> None:
    """Print ECS documents as JSON lines; nothing is stored."""
    from app.cli.show import line, unread
    from app.files import parsed, source_named
    from core.batch import Quarantined
    from ingest.catalog import sources

    catalog = sources(configuration(context).company.zone)
    broken = 0
    for item in parsed(source_named(source, catalog), files):
        if not isinstance(item, Quarantined):
            if not explain:
                line(item)
            continue
        broken += 1
        if explain:
            line(unread(item))
    if broken and not explain:
        typer.echo(f"{broken} records could not be read; --explain shows them", err=True)


def ingest_files(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Name of the source; none with --all.")] = None,
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders.")] = None,
    everything: Annotated[
        Path | None, typer.Option("--all", metavar="DIR", help="A folder with one folder per system, and hr/.")
    ] = None,
    json: Json = False,
) -> None:
    """Import logs, then judge what they touch. Doing it twice stores nothing twice."""
    from app.files import inputs_below, inputs_named, source_named
    from app.hr import import_folder

    if (everything is None) == (source is None) or (source is not None and not paths):
        raise typer.BadParameter("give SOURCE and at least one FILE or DIR, or --all DIR")
    hr: list[tuple[Path, HrImport]] = []
    with house_of(context) as house:
        refused: list[tuple[Path, str]] = []
        if everything is None:
            inputs = inputs_named(source_named(str(source), house.sources), paths or [])
        else:
            hr = import_folder(house, everything / "hr")
            inputs, refused = inputs_below(house.sources, everything)
        imported = bring_in(house, inputs)
        imported.refused[:0] = refused
    _summary(imported, hr, json)
    if imported.refused or any(file.problems for _, file in hr):
        raise typer.Exit(1)


def bring_in(house: House, inputs: list[Input]) -> Imported:
    """Import with a progress bar, then judge and sign the ledger."""
    from app.cli.show import bar
    from app.heads import keep_heads
    from app.jobs import judge_marked
    from app.pipeline import ingest
    from core.errors import LeaverwatchError

    with bar() as progress:
        total = sum(item.path.stat().st_size for item in inputs if item.path.is_file()) or 1
        reading = progress.add_task("reading", total=total, note="")
        read = 0

        def show(batch: Batch) -> None:
            nonlocal read
            read += batch.read
            progress.update(reading, advance=batch.bytes, note=f"{batch.source} {read:,} records")

        imported = ingest(house, inputs, show)
        progress.update(reading, completed=total)
        judging = progress.add_task("judging", total=None, note="")
        judge_marked(house, lambda judged: progress.update(judging, note=f"{len(judged.spans):,} persons"))
    try:
        troubles = keep_heads(house).troubles
    except LeaverwatchError as error:  # what is stored is stored; it is signed next time
        troubles = [f"the ledger is not signed: {error}"]
    for trouble in troubles:
        typer.echo(trouble, err=True)
    return imported


def _summary(imported: Imported, hr: list[tuple[Path, HrImport]], json: bool) -> None:
    from app.cli.show import document, table
    from ingest.reading import shown

    if json:
        document(
            {
                "sources": {
                    name: {
                        "read": tally.read,
                        "stored": tally.stored,
                        "duplicate": tally.duplicate,
                        "quarantined": tally.quarantined,
                        "ignored": dict(sorted(tally.ignored.items())),
                    }
                    for name, tally in sorted(imported.tallies.items())
                },
                "refused": [{"file": shown(path), "reason": reason} for path, reason in imported.refused],
                "hr": [{"file": shown(path), **_hr_document(file)} for path, file in hr],
            }
        )
        return
    table(
        "Imported: read = stored + duplicate + quarantined + ignored",
        ("source", "read", "stored", "duplicate", "quarantined", "ignored"),
        (
            (name, tally.read, tally.stored, tally.duplicate, tally.quarantined, sum(tally.ignored.values()))
            for name, tally in sorted(imported.tallies.items())
        ),
    )
    for name, tally in sorted(imported.tallies.items()):
        for reason, count in sorted(tally.ignored.items()):
            typer.echo(f"{name}: ignored {count:,}: {reason}")
    for path, reason in imported.refused:
        typer.echo(f"refused {shown(path)}: {reason}", err=True)
    for path, file in hr:
        _say(path, file)


def _hr_document(file: HrImport) -> dict[str, object]:
    return {
        "rows": file.rows,
        "taken": file.taken,
        "problems": [asdict(problem) for problem in file.problems],
        "warnings": [asdict(warning) for warning in file.warnings],
    }


def _say(path: Path, file: HrImport) -> None:
    for problem in file.problems:
        typer.echo(f"{path}: {problem}", err=True)
    for warning in file.warnings:
        typer.echo(f"{path}: warning: {warning}", err=True)


Check = Annotated[bool, typer.Option("--check", help="Name every bad row; change nothing.")]


def import_people(context: typer.Context, file: Path, check: Check = False, json: Json = False) -> None:
    """Import employees and their accounts, then judge the days this touches."""
    from app.hr import import_employees

    _import_hr(context, file, import_employees, check, json)


def import_leavers(context: typer.Context, file: Path, check: Check = False, json: Json = False) -> None:
    """Import resignations and withdrawals, then replay the past of those concerned."""
    from app.hr import import_resignations

    _import_hr(context, file, import_resignations, check, json)


def _import_hr(
    context: typer.Context, file: Path, bring: Callable[[House, Path, bool, str], HrImport], check: bool, json: bool
) -> None:
    from app.cli.show import who
    from app.jobs import judge_marked

    with house_of(context) as house:
        result = bring(house, file, check, who())
        if not check:
            judge_marked(house)
    say(file, result, check, json)


def say(file: Path, result: HrImport, check: bool, json: bool) -> None:
    """What an import of a people's file did; exit code 1 where rows were bad."""
    from app.cli.show import document

    if json:
        document(_hr_document(result))
    else:
        _say(file, result)
        typer.echo(f"{result.rows} rows read, {result.taken} {'good' if check else 'imported'}")
    if result.problems:
        raise typer.Exit(1)
