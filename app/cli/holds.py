"""Commands about what is kept, how long, and who looked: holds, retention, audit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.findings import Since, Until, moment
from app.cli.inputs import Json, house_of
from app.cli.masked import Unmask, named

if TYPE_CHECKING:
    from access.lens import Lens
    from app.wiring import House
    from core.evidence import HoldScope
    from core.retention import Due

By = Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")]
Reason = Annotated[str, typer.Option(help="Why: whoever looks later reads it.")]
WhichHold = Annotated[str, typer.Argument(help="Id of the hold, or its first characters.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    holds = typer.Typer(help="Legal holds: what must not be deleted, though it is old.", no_args_is_help=True)
    for name, command in (("place", place), ("list", list_holds), ("ask-to-lift", ask_to_lift), ("lift", lift)):
        holds.command(name)(command)
    app.add_typer(holds, name="holds")
    retention = typer.Typer(help="Deleting what is older than it may be kept.", no_args_is_help=True)
    retention.command("run")(run)
    retention.command("list")(list_erasures)
    app.add_typer(retention, name="retention")
    audit = typer.Typer(help="Who saw, decided, held, deleted and handed out what.", no_args_is_help=True)
    audit.command("list")(list_entries)
    audit.command("verify")(verify)
    app.add_typer(audit, name="audit")


def place(
    context: typer.Context,
    reason: Reason,
    case: Annotated[str, typer.Option(help="All persons of this case: its id, or the first characters.")] = "",
    person: Annotated[str, typer.Option(help="One person: pseudonym, employee number, mail or account.")] = "",
    everybody: Annotated[bool, typer.Option("--everybody", help="Everything of a time.")] = False,
    since: Since = None,
    until: Until = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Keep what would be deleted: of a case, of a person, or of everybody; of all times or of some."""
    from app.cli.masked import hold_document, lens_of
    from app.cli.show import document, who
    from app.holds import place as placed

    if sum(map(bool, (case, person, everybody))) != 1:
        raise typer.BadParameter("give one of --case, --person and --everybody")
    with house_of(context) as house:
        lens = lens_of(house, None)
        scope, subject = _subject(house, lens, case, person)
        hold = placed(
            house,
            scope,
            subject,
            reason=reason,
            by=by or who(),
            at=_now(),
            since=moment(since, house.calendar),
            until=moment(until, house.calendar, end=True),
        )
    told = hold_document(hold, lens)
    if json:
        document(told)
    else:
        typer.echo(f"{hold.id} holds {hold.scope.value} {told['subject']}".rstrip())


def list_holds(context: typer.Context, json: Json = False, unmask: Unmask = None) -> None:
    """Every hold there ever was."""
    from app.cli.masked import hold_document, lens_of, saw
    from app.cli.show import document, table

    with house_of(context) as house:
        lens = lens_of(house, unmask)
        holds = house.records.holds()
        found = [hold_document(hold, lens) for hold in holds]
        saw(house, "holds", (person for hold in holds for person in hold.persons), unmask)
    if json:
        document(found)
        return
    table(
        f"{len(found)} holds",
        ("id", "holds", "of", "from", "until", "reason", "placed by", "at", "lifting asked by", "lifted by"),
        (
            (
                *(hold["id"][:8], hold["scope"], hold["subject"], hold["since"], hold["until"], hold["reason"]),
                *(hold["placed_by"], hold["placed"], hold["lift_asked_by"], hold["lifted_by"]),
            )
            for hold in found
        ),
    )


def ask_to_lift(context: typer.Context, hold: WhichHold, reason: Reason, by: By = "") -> None:
    """Ask for a hold to be lifted; somebody else has to do it."""
    from app.cli.show import who
    from app.holds import ask_to_lift as ask

    with house_of(context) as house:
        found = ask(house, hold, reason=reason, by=by or who())
    typer.echo(f"{found.id}: {found.lift_asked_by} asks to lift it; somebody else has to")


def lift(context: typer.Context, hold: WhichHold, by: By = "") -> None:
    """Lift a hold that somebody else asked to lift: what is old goes with the next retention."""
    from app.cli.show import who
    from app.holds import lift as lifted

    with house_of(context) as house:
        found = lifted(house, hold, by=by or who(), at=_now())
    typer.echo(f"{found.id} is lifted")


def run(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Say what would go; delete nothing.")] = False,
    by: By = "",
    json: Json = False,
) -> None:
    """Delete what is kept no longer ([retention]), but for what holds keep; write down what went."""
    from app.cli.show import document, who
    from app.retention import check as look
    from app.retention import retain

    with house_of(context) as house:
        unlimited = not house.config.retention.is_set
        if check:
            due = look(house, _now())
        else:
            erasures = retain(house, by or who())
    if json:
        document(due if check else erasures)
        return
    if unlimited:
        typer.echo("[retention] is not set: everything is kept")
    for each in [due] if check else [erasure.due for erasure in erasures]:
        _show("would go" if check else "went", each)
    if not check and not erasures:
        typer.echo("nothing was due")


def list_erasures(context: typer.Context, json: Json = False) -> None:
    """What retention deleted, and when."""
    from app.cli.show import document, table

    with house_of(context) as house:
        found = house.records.erasures()
    if json:
        document(found)
        return
    table(
        f"{len(found)} erasures",
        ("begun", "done", "by", "before", "events", "others", "kept by holds"),
        (
            (
                one.begun,
                one.done,
                one.by,
                "; ".join(f"{source or 'others'}: {at:%Y-%m-%d}" for source, at in sorted(one.before.items())),
                one.due.count(),
                sum(part.records for part in one.due.erased) - one.due.count(),
                sum(one.due.held.values()),
            )
            for one in found
        ),
    )


def list_entries(
    context: typer.Context,
    about: Annotated[
        str | None, typer.Option(help="Only about this person, by pseudonym or id, or this case or alert, by id.")
    ] = None,
    since: Since = None,
    json: Json = False,
    unmask: Unmask = None,
) -> None:
    """The audit log, oldest first."""
    from api.looks import THE_LOG
    from api.masking import subjects
    from app.cli.masked import lens_of, saw
    from app.cli.show import document, table

    with house_of(context) as house:
        lens = lens_of(house, unmask)
        subject = about and (lens.person(about) or about)
        entries = house.records.audited(subject, moment(since, house.calendar))
        found = entries if unmask else [replace(one, about=subjects(one.about, lens)) for one in entries]
        saw(house, "audit log", [subject or THE_LOG], unmask)
    if json:
        document(found)
        return
    table(
        f"{len(found)} entries",
        ("number", "at", "by", "did", "about", "why", "details"),
        (
            (
                one.number,
                one.at,
                one.by,
                one.deed.value,
                ", ".join(one.about[:5]) + (f" and {len(one.about) - 5} more" if len(one.about) > 5 else ""),
                one.why,
                "; ".join(f"{name}: {value}" for name, value in sorted(one.details.items())),
            )
            for one in found
        ),
    )


def verify(context: typer.Context, json: Json = False) -> None:
    """Whether the audit log is whole: no entry changed, taken out or put in. Exit code 1 names the first that is
    broken."""
    from app.cli.show import document
    from core.auditing import check
    from core.errors import Broken

    broken, entries = "", 0
    with house_of(context) as house:
        try:
            entries = check(house.records)
        except Broken as error:
            broken = str(error)
    if json:
        document({"entries": entries, "broken": broken or None})
    else:
        typer.echo(broken or f"{entries:,} entries, each follows the one before it", err=bool(broken))
    if broken:
        raise typer.Exit(1)


def _subject(house: House, lens: Lens, case: str, person: str) -> tuple[HoldScope, str]:
    from app.whichcase import case_named
    from core.evidence import HoldScope

    if case:
        return HoldScope.CASE, case_named(house, case).id
    if not person:
        return HoldScope.RANGE, ""
    known = {one.id for one in house.records.persons()}
    persons = [one for one in named(lens, person) if one in known or any(lens.directory.spans_of(one))]
    if len(persons) != 1:
        raise typer.BadParameter(f"{len(persons)} persons are known as {person}")
    return HoldScope.PERSON, persons[0]


def _show(said: str, due: Due) -> None:
    from app.cli.show import table

    of: dict[tuple[str, str], list[tuple[object, int]]] = {}
    for one in due.erased:
        of.setdefault((one.kind.value, one.source), []).append((one.day, one.records))
    total = sum(one.records for one in due.erased)
    rows = ((*key, days[0][0], days[-1][0], sum(count for _, count in days)) for key, days in of.items())
    table(f"{total:,} records {said}", ("kind", "source", "from", "to", "records"), rows)
    if due.held:
        table("Kept by holds", ("hold", "events"), due.held.items())


def _now() -> datetime:
    return datetime.now(UTC)
