"""Evidence of a case: what goes out, bundles, and whether they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.findings import Since, Until, moment
from app.cli.inputs import Json, house_of
from app.cli.masked import Unmask

if TYPE_CHECKING:
    from app.exporting import Asked, Say
    from app.wiring import House

Case = Annotated[str, typer.Argument(help="Id of the case, or its first characters.")]
By = Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")]
Persons = Annotated[
    list[str] | None,
    typer.Option("--person", help="Only this person's events: as for alerts --person; may be repeated."),
]
Sources = Annotated[list[str] | None, typer.Option("--source", help="Only of this system or stream; may be repeated.")]
Redact = Annotated[
    list[str] | None,
    typer.Option(help="Withhold records that name this third party, or have a value in this field; may be repeated."),
]
Keys = Annotated[list[str] | None, typer.Option("--recipient", help="Encrypt to this age or SSH key; may be repeated.")]
PasswordFile = Annotated[Path | None, typer.Option(help="Encrypt by the password in the file's first line.")]
PartSize = Annotated[int, typer.Option(min=1, max=3072, help="MiB of a bundle; what is more makes several.")]
MIB = 1 << 20


def register(evidence: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (export, preview, verify, trace):
        evidence.command()(command)


def export(
    context: typer.Context,
    case: Case,
    out: Annotated[Path, typer.Argument(help="The bundle to write: a .zip that is not there yet.")],
    to: Annotated[str, typer.Option(help="For whom this copy is.")],
    purpose: Annotated[str, typer.Option(help="What it is for.")] = "",
    by: By = "",
    person: Persons = None,
    since: Since = None,
    until: Until = None,
    source: Sources = None,
    redact: Redact = None,
    part_size: PartSize = 2048,
    recipient: Keys = None,
    password_file: PasswordFile = None,
    lang: Annotated[Literal["en", "zh"], typer.Option(help="Language of the report on paper.")] = "en",
) -> None:
    """Write a case's evidence as a bundle that proves itself: `evidence verify`, or `verify.py` inside."""
    from app.exporting import Delivery
    from app.exporting import export as write

    if recipient and password_file:
        raise typer.BadParameter("give --recipient or --password-file, not both")
    password = ""
    if password_file:
        password = (password_file.read_text("utf-8").splitlines() or [""])[0]
        if not password:
            raise typer.BadParameter(f"{password_file} has no password")
    delivery = Delivery(
        recipient=to,
        purpose=purpose,
        part_size=part_size * MIB,
        keys=tuple(recipient or ()),
        password=password,
        lang=lang,
    )
    with house_of(context) as house, _telling() as say:
        asked = _asked(house, case, by, person, since, until, source, redact)
        paths = write(house, asked, delivery, out, say)
        key = house.records.heads()[-1].key
    for path in paths:
        typer.echo(f"{path} {path.stat().st_size:,} bytes")
    typer.echo(f"signed by {key}: tell whoever is to verify it by another way")


def preview(
    context: typer.Context,
    case: Case,
    by: By = "",
    person: Persons = None,
    since: Since = None,
    until: Until = None,
    source: Sources = None,
    redact: Redact = None,
    part_size: PartSize = 2048,
    json: Json = False,
    unmask: Unmask = None,
) -> None:
    """What an export would let out: how many records of whom, and which third parties they name. By which accounts and
    whom is shown only with --unmask."""
    from dataclasses import fields

    from app.cli.masked import label, lens_of, saw
    from app.cli.show import document, table
    from app.previewing import NAMED
    from app.previewing import preview as look

    with house_of(context) as house, _telling() as say:
        found = look(house, _asked(house, case, by, person, since, until, source, redact), part_size * MIB, say)
        lens = lens_of(house, unmask)
        if unmask:
            saw(house, "preview", [found.case, *found.persons], unmask)
    told = {one.name: getattr(found, one.name) for one in fields(found)}
    told["persons"] = [lens.pseudonym(person) for person in found.persons]
    if not unmask:
        told |= {"accounts": None, "others": None}
    if json:
        document(told)
        return
    persons = ", ".join(label(lens, person) for person in found.persons)
    typer.echo(f"case {found.case}: {found.alerts:,} alerts and {found.events:,} records of {persons}")
    typer.echo(f"about {found.bytes / MIB:,.1f} MiB in {found.parts:,} parts")
    for why, count in found.withheld.items():
        typer.echo(f"{count:,} records are withheld: {why}")
    if found.snapshots_withheld or found.unproven:
        typer.echo(f"{found.snapshots_withheld:,} alerts are withheld; {found.unproven:,} records cannot be proved")
    for title, counted in (("by account", told["accounts"]), ("by source", found.sources), ("by field", found.fields)):
        if counted is not None:
            table(title, (title.removeprefix("by "), "records"), counted.most_common())
    if unmask:
        table("third parties that they name", ("who", "records"), found.others.most_common(NAMED))


def verify(
    bundles: Annotated[list[Path], typer.Argument(help="Bundles, or folders into which they were unpacked.")],
    key: Annotated[str, typer.Option(help="Fingerprint of a key of the ledger, as printed in the report.")] = "",
    tsa: Annotated[str, typer.Option(help="Fingerprint of a time-stamping authority's certificate.")] = "",
) -> None:
    """Whether bundles hold, each alone and, of several parts, all together. Exit code 1: what is broken first is
    named."""
    from evidence.parts import complete
    from evidence.verify import Broken
    from evidence.verify import verify as check

    for bundle in bundles:
        if not bundle.exists():
            raise typer.BadParameter(f"there is no {bundle}")
        if bundle.suffix == ".age":
            raise typer.BadParameter(f"{bundle} is encrypted: age --decrypt it first")
    try:
        for bundle in bundles:
            check(str(bundle), key, tsa, typer.echo)
            typer.echo(f"{bundle}: holds")
        typer.echo(complete(bundles))
    except Broken as error:
        typer.echo(f"BROKEN: {error}", err=True)
        raise typer.Exit(1) from None


def trace(context: typer.Context, file: Path, by: By = "", json: Json = False) -> None:
    """Which export a bundle, a page of a report or some records (CSV, JSON lines, any text with their ids) are from."""
    from getpass import getuser

    from app.cli.show import document, table
    from app.tracing import trace as find

    if not file.exists():
        raise typer.BadParameter(f"there is no {file}")
    with house_of(context) as house:
        found = find(house, file, by or getuser())
    if json:
        document(found)
    else:
        rows = (
            (one.number, one.at, one.recipient, one.case[:8] or "report", one.by, "mark" if one.sure else "records")
            for one in found
        )
        table(f"{len(found)} exports", ("number", "at", "for", "case", "by", "known by"), rows)
    if not found:
        raise typer.Exit(1)


def _asked(
    house: House,
    case: str,
    by: str,
    person: list[str] | None,
    since: str | None,
    until: str | None,
    source: list[str] | None,
    redact: list[str] | None,
) -> Asked:
    from getpass import getuser

    from app.cli.masked import lens_of
    from app.exporting import Asked

    lens = lens_of(house, None)
    return Asked(
        case=case,
        by=by or getuser(),
        persons=tuple(lens.person(one) or one for one in person or ()),
        since=moment(since, house.calendar),
        until=moment(until, house.calendar, end=True),
        sources=tuple(source or ()),
        redact=tuple(redact or ()),
    )


@contextmanager
def _telling() -> Iterator[Say]:
    from app.cli.show import bar

    with bar() as progress:
        tasks = {name: progress.add_task(name, total=None, note="", visible=False) for name in ("reading", "writing")}

        def say(what: str, done: int, whole: int | None) -> None:
            note = f"{done:,} records" if whole is None else f"{done / MIB:,.0f} MiB"
            progress.update(tasks[what], completed=done, total=whole, note=note, visible=True)

        yield say
