"""Commands that work on cases. Whoever has the command line may do what a senior analyst may."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.inputs import Json, house_of

if TYPE_CHECKING:
    from app.wiring import House
    from core.case import Case
    from core.triage import Work

Named = Annotated[str, typer.Argument(help="Id of the case, or its first characters.")]
By = Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")]
Why = Annotated[str, typer.Option(help="Why.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (show, assign, move, comment, undo):
        app.command()(command)


def show(context: typer.Context, case: Named, json: Json = False) -> None:
    """Where work on a case stands, and what was done on it."""
    from dataclasses import asdict, replace

    from app.cli.masked import saw
    from app.cli.show import document, table
    from app.pseudonyms import pseudonyms
    from core.evidence import Deed

    with house_of(context) as house:
        found, work = _named(house, case)
        person = pseudonyms(house.records)(found.person)
        tasks, comments = house.records.tasks(found.id), house.records.comments(found.id)
        attachments, history = house.records.attachments(found.id), house.records.history(found.id)
        joined = list(house.records.joined([found.id]).get(found.id, ()))
        saw(house, "case", (found.id, found.person), None)
    # Whoever decided may have named them: `cases --unmask` shows it.
    history = [replace(one, why="") if one.deed is Deed.DECIDED else one for one in history]
    state = work.state_with(found).value
    if json:
        told = asdict(work) | {"state": state, "found": found.state.value, "person": person, "joined": joined}
        told |= {"tasks": [asdict(one) for one in tasks], "comments": [asdict(one) for one in comments]}
        told["attachments"] = [asdict(one) for one in attachments]
        done = [{"at": one.at, "by": one.by, "deed": one.deed, "why": one.why, **one.details} for one in history]
        document(told | {"history": done})
        return
    typer.echo(f"{found.id}  {person}  {found.state.value}  score {found.score:g}  {len(found.alerts)} alerts")
    typer.echo(f"{state}, {work.assignee or 'nobody'} has it, due {work.due or 'at any time'}")
    if tasks:
        table("Tasks", ("task", "who", "due", "done"), ((one.title, one.assignee, one.due, one.done) for one in tasks))
    if comments:
        table("Comments", ("at", "by", "text"), ((one.at, one.by, one.text) for one in comments if not one.withdrawn))
    if attachments:
        table("Attachments", ("at", "by", "name", "bytes"), ((a.at, a.by, a.name, a.size) for a in attachments))
    table(
        "History",
        ("at", "by", "what", "why"),
        ((one.at, one.by, one.details.get("step", one.deed.value), one.why) for one in history),
    )


def assign(
    context: typer.Context, case: Named, to: Annotated[str, typer.Argument(help="A user; empty: nobody.")], by: By = ""
) -> None:
    """Give a case to somebody."""
    from cases import workflow

    with house_of(context) as house:
        found, work = _named(house, case)
        house.records.change([workflow.assign(found, work, to, by=_who(by), at=_now())])
    typer.echo(f"{found.id} is with {to or 'nobody'}")


def move(
    context: typer.Context,
    case: Named,
    to: Annotated[Literal["new", "in_review", "escalated_hr", "escalated_legal"], typer.Argument()],
    reason: Why = "",
    by: By = "",
) -> None:
    """Take a case into review, hand it to HR or legal, take it back."""
    from cases import workflow
    from core.triage import WorkState

    with house_of(context) as house:
        found, work = _named(house, case)
        state = WorkState(to)
        change = workflow.move(found, work, state, why=reason.strip(), by=_who(by), senior=True, at=_now())
        house.records.change([change])
    typer.echo(f"{found.id} is {to}")


def comment(context: typer.Context, case: Named, text: str, by: By = "") -> None:
    """Write something about a case."""
    import secrets

    from core.casefiles import Comment

    if not text.strip() or len(text) > 10_000:
        raise typer.BadParameter("a comment has 1 to 10,000 characters")
    with house_of(context) as house:
        found, _ = _named(house, case)
        made = Comment(id=secrets.token_hex(8), case=found.id, text=text.strip(), by=_who(by), at=_now())
        house.records.add_comment(made)
    typer.echo(f"written to {found.id}")


def undo(context: typer.Context, case: Named, by: By = "") -> None:
    """Take back the last move or assignment, for a quarter of an hour, or a decision, for a week."""
    from app.jobs import judge_marked
    from cases import workflow
    from core.triage import Step

    with house_of(context) as house:
        found, work = _named(house, case)
        change = workflow.undo(found, work, house.records.history(found.id), by=_who(by), senior=True, at=_now())
        if change.step is Step.REOPENED:
            house.records.reopen(change)
            judge_marked(house)
        else:
            house.records.change([change])
    typer.echo(f"{found.id}: {change.step.value}")


def _named(house: House, start: str) -> tuple[Case, Work]:
    from app.whichcase import case_named

    found = case_named(house, start)
    return found, house.records.work([found.id])[found.id]


def _who(by: str) -> str:
    from getpass import getuser

    return by or getuser()


def _now() -> datetime:
    return datetime.now(UTC)
