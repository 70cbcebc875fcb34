"""Commands that answer a person who asks what is held about them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.inputs import Json, house_of

if TYPE_CHECKING:
    from app.wiring import House

Person = Annotated[str, typer.Argument(help="Employee number, mail address or account.")]
By = Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    subject = typer.Typer(help="Rights of the people whom data is about.", no_args_is_help=True)
    subject.callback()(rights)
    subject.command("access")(access)
    subject.command("ask-to-erase")(ask_to_erase)
    subject.command("erase")(erase)
    subject.command("requests")(requests)
    subject.command("watched")(watched)
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

    with house_of(context) as house:
        told = answer(house, _meant(house, person), out, by=by or who())
    if json:
        document({"file": str(out), "held": told})
    else:
        table(f"Written to {out}", ("what", "how many"), told.items())


def ask_to_erase(
    context: typer.Context,
    person: Person,
    reason: Annotated[str, typer.Option(help="Why: whoever looks later reads it.")],
    by: By = "",
) -> None:
    """Ask for a person to be erased; somebody else has to carry it out."""
    from app.cli.show import who
    from app.subjects import ask
    from core.subjects import Right

    with house_of(context) as house:
        request = ask(house, _meant(house, person), Right.ERASURE, reason=reason, by=by or who())
    typer.echo(f"{request.id}: {request.asked_by} asks for it; somebody else has to carry it out")


def erase(
    context: typer.Context,
    request: Annotated[str, typer.Argument(help="Id of the request, or its first characters.")],
    by: By = "",
    json: Json = False,
) -> None:
    """Erase the person whom somebody else asked to erase: events and records; docs/subjects.md says what stays."""
    from app.cli.show import document, table, who
    from app.erasing import erase as carry_out

    with house_of(context) as house:
        done = carry_out(house, request, by=by or who())
    if json:
        document(done)
    else:
        table(f"{done.pseudonym} is erased", ("what", "how many"), done.counts.items())


def requests(context: typer.Context, json: Json = False) -> None:
    """Whose file was asked for over the API, who was to be erased, and what became of it: what waits comes first."""
    from dataclasses import replace

    from app.cli.masked import saw
    from app.cli.show import document, table
    from app.pseudonyms import pseudonyms

    with house_of(context) as house:
        found = sorted(house.records.subject_requests(), key=lambda one: one.done is not None)
        saw(house, "subject requests", (one.person for one in found if one.person), None)
        called = pseudonyms(house.records)
        found = [replace(one, person=called(one.person) if one.person else "") for one in found]
    if json:
        document(found)
        return
    table(
        f"{len(found)} requests",
        ("id", "right", "person", "reason", "asked by", "at", "carried out by", "at"),
        (
            (
                one.id[:8], one.right, one.person or one.pseudonym, one.reason,
                one.asked_by, one.asked, "waits" if one.waits else one.done_by, one.done,
            )
            for one in found
        ),
    )  # fmt: skip


def watched(context: typer.Context, json: Json = False) -> None:
    """Who is or was watched because they leave: from when to when, and why that ended. Notes what is over."""
    from dataclasses import replace

    from app.cli.masked import saw
    from app.cli.show import document, table
    from app.pseudonyms import pseudonyms
    from app.watching import end_watches, every_watch

    now = datetime.now(UTC)
    with house_of(context) as house:
        end_watches(house, now)
        found = every_watch(house)
        saw(house, "watched", (one.person for one in found), None)
        called = pseudonyms(house.records)
        found = [replace(one, person=called(one.person)) for one in found]
    if json:
        document(found)
        return
    table(
        f"{sum(not one.is_over(now) for one in found)} are watched",
        ("person", "since", "until", "why it ends"),
        ((one.person, one.since, one.until or "no last day is known", one.ended) for one in found),
    )


def _meant(house: House, person: str) -> str:
    from app.cli.masked import lens_of, named
    from core.errors import Refused

    lens = lens_of(house, None)
    meant = [one for one in named(lens, person) if one in lens.directory.known()]
    if len(meant) != 1:
        raise Refused(f"{len(meant)} persons may be meant by {person}: give the employee number")
    return meant[0]
