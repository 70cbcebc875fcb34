"""Commands about what speaks for persons: approvals, exceptions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.inputs import Check, Json, house_of, say
from app.cli.masked import Unmask

Kind = Annotated[
    Literal["approval", "change", "handover"],
    typer.Option(help="Approvals to send out, change tickets, or tasks of handing over."),
]
Day = Annotated[str | None, typer.Option(help="Day or moment (ISO 8601; company time without a zone).")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    approvals = typer.Typer(help="Approvals, change tickets and handovers.", no_args_is_help=True)
    approvals.command("import")(import_approvals)
    approvals.command("list")(list_approvals)
    app.add_typer(approvals, name="approvals")
    exceptions = typer.Typer(help="Exceptions from rules, each with an owner and an end.", no_args_is_help=True)
    exceptions.command("list")(list_exceptions)
    exceptions.command("add")(add)
    exceptions.command("end")(end)
    app.add_typer(exceptions, name="exceptions")


def import_approvals(
    context: typer.Context, file: Path, kind: Kind = "approval", check: Check = False, json: Json = False
) -> None:
    """Import approvals from CSV, then judge the days they speak for."""
    from app.hr import import_approvals as bring
    from app.jobs import judge_marked
    from core.grounds import ApprovalKind

    with house_of(context) as house:
        result = bring(house, file, check, ApprovalKind(kind))
        if not check:
            judge_marked(house)
    say(file, result, check, json)


def list_approvals(context: typer.Context, json: Json = False, unmask: Unmask = None) -> None:
    """Everything that was approved. For whom and what is shown only with --unmask."""
    from app.cli.masked import approval_document, lens_of, saw, whose
    from app.cli.show import document, table

    with house_of(context) as house:
        lens = lens_of(house, unmask)
        found = house.records.approvals()
        documents = [approval_document(approval, lens) for approval in found]
        saw(house, "approvals", (one for approval in found for one in whose(lens, approval.account)), unmask)
    if json:
        document(documents)
        return
    table(
        f"{len(found)} approvals",
        ("kind", "number", "of", "for", "files", "from", "until", "approved at"),
        (
            (
                *(one["kind"], one["id"], one["account"] or one["person"]),
                *("; ".join(one[name] or ()) for name in ("recipients", "files")),
                *(one["since"], one["until"], one["filed"]),
            )
            for one in documents
        ),
    )


def list_exceptions(
    context: typer.Context,
    suggested: Annotated[bool, typer.Option("--suggested", help="Those that benign cases speak for.")] = False,
    json: Json = False,
    unmask: Unmask = None,
) -> None:
    """Exceptions, expired ones too; or suggestions, which nothing adds by itself. Reasons that may name persons are
    shown only with --unmask."""
    from datetime import UTC, datetime

    from api.masking import free_text
    from app.cli.masked import exception_document, label, lens_of, saw, whose, with_identity
    from app.cli.show import document, table
    from app.grounds import suggested as suggestions

    now = datetime.now(UTC)
    with house_of(context) as house:
        lens = lens_of(house, unmask)
        found = house.records.exceptions()
        documents = [exception_document(one, lens) | {"in_force": one.since <= now < one.expires} for one in found]
        ideas = suggestions(house, now) if suggested else []
        persons = {one for each in (ideas or found) if each.person for one in whose(lens, each.person)}
        saw(house, "exceptions", persons, unmask)
    if suggested:
        reasons = [free_text(lens, idea.person, idea.reason) for idea in ideas]
        if json:
            told = zip(ideas, reasons, strict=True)
            document([asdict(idea) | with_identity(lens, idea.person) | {"reason": reason} for idea, reason in told])
            return
        table(
            f"{len(ideas)} suggested: add with `exceptions add`",
            ("rule", "person", "case", "alerts", "decided because"),
            (
                (idea.rule, label(lens, idea.person), idea.case[:8], idea.alerts, reason)
                for idea, reason in zip(ideas, reasons, strict=True)
            ),
        )
        return
    if json:
        document(documents)
        return
    table(
        f"{len(found)} exceptions",
        ("id", "from", "of", "hours", "reason", "owner", "since", "expires", "in force"),
        (
            (
                one["id"],
                one["rule"] or one["tag"],
                ", ".join(part for part in (one["person"], one["department"], one["title"]) if part),
                one["hours"],
                one["reason"],
                one["owner"],
                one["since"],
                one["expires"],
                "yes" if one["in_force"] else "no",
            )
            for one in documents
        ),
    )


def add(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why it is in order.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    expires: Annotated[str, typer.Option(help="To the end of this day, or until this moment.")],
    rule: Annotated[str, typer.Option(help="Name of the rule.")] = "",
    tag: Annotated[str, typer.Option(help="All rules with this tag.")] = "",
    person: Annotated[str, typer.Option(help="Pseudonym, employee number, mail address or account.")] = "",
    department: Annotated[str, typer.Option(help="Everybody of this department.")] = "",
    title: Annotated[str, typer.Option(help="Everybody with this title.")] = "",
    hours: Annotated[str, typer.Option(help="Only at these hours of the company's day: 22:00-06:00.")] = "",
    since: Day = None,
    json: Json = False,
) -> None:
    """Add an exception. It suppresses, for all to see, what happens from now on; from --since on, what has happened
    before keeps its alert and is lowered."""
    from datetime import UTC, datetime

    from app.cli.findings import moment
    from app.cli.masked import lens_of
    from app.cli.show import document
    from app.grounds import add_exception
    from app.jobs import judge_marked
    from core.grounds import RuleException

    now = datetime.now(UTC)
    with house_of(context) as house:
        until = moment(expires, house.calendar, end=True)
        made = add_exception(
            house,
            RuleException(
                id="",
                rule=rule,
                tag=tag,
                person=lens_of(house, None).person(person) or person,
                department=department,
                title=title,
                hours=hours,
                reason=reason,
                owner=owner,
                since=moment(since, house.calendar) or now,
                expires=until or now,
                filed=now,
            ),
        )
        judge_marked(house)
    if json:
        document(asdict(made))
    else:
        typer.echo(f"{made.id} until {made.expires:%Y-%m-%d %H:%M} UTC")


def end(context: typer.Context, exception: str) -> None:
    """End an exception now; what it explained until now stays explained."""
    from datetime import UTC, datetime

    from app.grounds import end_exception
    from app.jobs import judge_marked

    with house_of(context) as house:
        ended = end_exception(house, exception, datetime.now(UTC))
        judge_marked(house)
    typer.echo(f"{ended.id} ended at {ended.expires:%Y-%m-%d %H:%M} UTC")
