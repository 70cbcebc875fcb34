"""Commands that show what was found: alerts, cases, risk, rules."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli import casework
from app.cli.hunting import rules_import
from app.cli.inputs import Json, configuration, house_of
from app.cli.masked import Unmask, named
from core.calendar import CompanyCalendar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from access.lens import Lens
    from api.shapes import TermView

Person = Annotated[
    str | None, typer.Option(help="Only this person's: pseudonym, employee number, mail address or account.")
]
Since = Annotated[str | None, typer.Option(help="From this day or moment on (ISO 8601; company time without a zone).")]
Until = Annotated[str | None, typer.Option(help="Before this moment, or to the end of this day.")]
Lang = Annotated[Literal["en", "zh"], typer.Option(help="Language of the messages.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(alerts)
    gathered = typer.Typer(invoke_without_command=True)
    gathered.callback()(cases)
    gathered.command("decide")(decide)
    casework.register(gathered)
    app.add_typer(gathered, name="cases")
    app.command()(risk)
    app.command("restore-list")(restore_list_of)
    rules = typer.Typer(help="Detection rules.", no_args_is_help=True)
    rules.command("list")(rules_list)
    rules.command("test")(rules_test)
    rules.command("import")(rules_import)
    app.add_typer(rules, name="rules")


def alerts(
    context: typer.Context,
    json: Json = False,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    lang: Lang = "en",
    suppressed: Annotated[bool, typer.Option("--suppressed", help="Matches that something speaks for.")] = False,
    overflow: Annotated[bool, typer.Option("--overflow", help="Matches the alert budget has no room for.")] = False,
    unmask: Unmask = None,
) -> None:
    """Alerts, oldest first, each explained; or the matches that are none, and why."""
    from api.views import alert_views
    from app.cli.masked import called, lens_of, saw
    from app.cli.show import document, table
    from app.report import balance
    from core.alert import Outcome

    if suppressed and overflow:
        raise typer.BadParameter("give --suppressed or --overflow, not both")
    outcome = Outcome.SUPPRESSED if suppressed else Outcome.OVERFLOW if overflow else Outcome.ALERT

    with house_of(context) as house:
        lens = lens_of(house, unmask)
        found = house.records.alerts(
            persons=_persons(lens, person),
            since=moment(since, house.calendar),
            until=moment(until, house.calendar, end=True),
            outcome=outcome,
        )
        views = alert_views(found, house.records, house.events, lens, house.book, lang)
        tally = house.records.tally()
        saw(house, "alerts", (alert.person for alert in found), unmask)
    if json:
        document(views)
        return
    table(
        f"{len(views)} {'alerts' if outcome is Outcome.ALERT else f'matches, {outcome.value}'}",
        ("time", "person", "severity", "score", "what happened", "what speaks for it"),
        (
            (
                *(v.time, called(v.person, v.identity), v.severity, v.score, v.message),
                f"{', '.join(v.grounds)} {v.why or ''}".strip(),
            )
            for v in views
        ),
    )
    next_steps = {view.rule: (view.title, view.runbooks[lang]) for view in views if view.runbooks}
    if next_steps:
        table("What to look at next", ("alert", "runbook"), (next_steps[name] for name in sorted(next_steps)))
    typer.echo(balance(tally))


def cases(
    context: typer.Context,
    json: Json = False,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    unmask: Unmask = None,
) -> None:
    """Cases: the open alerts of a person together, or of a crew."""
    if context.invoked_subcommand:
        return
    from api.views import case_views, cases_of
    from app.cli.masked import called, lens_of, saw
    from app.cli.show import document, table

    with house_of(context) as house:
        lens = lens_of(house, unmask)
        start, end = moment(since, house.calendar), moment(until, house.calendar, end=True)
        found = [
            case
            for case in cases_of(house.records, _persons(lens, person))
            if (start is None or case.opened >= start) and (end is None or case.opened < end)
        ]
        views = case_views(found, house.records, lens)
        saw(house, "cases", (one for case in found for one in (case.id, case.person)), unmask)
    if json:
        document(views)
        return
    table(
        f"{len(views)} cases",
        ("opened", "case", "person", "state", "score", "alerts"),
        (
            (view.opened, view.id[:8], called(view.person, view.identity), view.state, view.score, len(view.alerts))
            for view in views
        ),
    )


def decide(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="Id of the case, or its first characters.")],
    verdict: Annotated[Literal["confirmed", "benign", "insufficient"], typer.Argument()],
    reason: Annotated[str, typer.Option(help="Why: whoever looks later reads it.")],
    by: Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")] = "",
) -> None:
    """Decide a case. What happens afterwards gathers in a new one; models learn from what was confirmed or benign."""
    from datetime import UTC
    from getpass import getuser

    from app.jobs import judge_marked
    from app.whichcase import case_named
    from core.case import CaseState

    if not reason.strip():
        raise typer.BadParameter("a decision needs a reason")
    with house_of(context) as house:
        found = case_named(house, case).id
        house.records.decide(found, CaseState(verdict), reason.strip(), datetime.now(UTC), by or getuser())
        judge_marked(house)
    typer.echo(f"{found} is {verdict}")


def risk(
    context: typer.Context,
    json: Json = False,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    unmask: Unmask = None,
) -> None:
    """Persons ranked by score, each with the terms that add up to it. Scores are taken at --until, else at the
    newest event."""
    from api.views import by_risk, data_clock, risk_views
    from app.cli.masked import called, lens_of, saw
    from app.cli.show import document, table

    with house_of(context) as house:
        lens = lens_of(house, unmask)
        at = moment(until, house.calendar, end=True) or data_clock(house.records, house.events)
        found = house.records.alerts(persons=_persons(lens, person), since=moment(since, house.calendar))
        persons = by_risk(found, at)
        views = risk_views(persons, house.events, lens, house.book, at)
        saw(house, "persons", persons, unmask)
    if json:
        document(views)
        return
    table(
        f"Persons by risk at {at:%Y-%m-%d %H:%M} UTC",
        ("score", "person", "stage", "first alert", "made of"),
        (
            (view.score, called(view.person, view.identity), view.stage, view.first_alert, made_of(view.terms))
            for view in views
        ),
    )


def restore_list_of(
    context: typer.Context,
    alert: Annotated[str, typer.Argument(help="Id of an alert about something destroyed.")],
    json: Json = False,
    unmask: Unmask = None,
) -> None:
    """What to bring back: everything that went on the alert's day and is still gone. Which objects is said only with
    --unmask: their names may tell whose they were."""
    from app.cli.masked import lens_of, saw
    from app.cli.show import document, table
    from core.errors import Refused
    from detection.bench import Bench
    from detection.restore import restore_list

    with house_of(context) as house:
        found = house.records.alert(alert)
        if found is None:
            raise Refused(f"there is no alert {alert}")
        lens = lens_of(house, unmask)
        bench = Bench(store=house.events, directory=lens.directory, book=house.book, surroundings=house.surroundings())
        rows = restore_list(found, bench).rows(named=True)
        if not lens.shows(found.person):
            rows = [row | {"object": None} for row in rows]
        saw(house, "restore list", (found.id, found.person), unmask)
    if json:
        document(rows)
    else:
        table(f"{len(rows)} to restore", ("time", "system", "object", "records"), (tuple(r.values()) for r in rows))


def made_of(terms: Sequence[TermView]) -> str:
    """The strongest terms of a ledger, on one line."""
    return ", ".join(f"{term.name} {term.points:g}" for term in terms[:6])


def rules_list(context: typer.Context, json: Json = False) -> None:
    """The rules in force."""
    from api.views import rule_views
    from app.cli.show import document, table
    from detection.rulebook import RuleBook

    views = rule_views(RuleBook.load(configuration(context).rules))
    if json:
        document(views)
        return
    rows = ((view.name, view.title, view.level, view.points, view.kind, view.alerts) for view in views)
    table(f"{len(views)} rules", ("name", "title", "level", "points", "kind", "alerts"), rows)


def rules_test(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(help="Rule files or folders; none: the rules in force.")] = None,
    json: Json = False,
) -> None:
    """Run the tests written inside the rules."""
    from app.cli.show import document
    from detection.rulebook import RuleBook
    from detection.selftest import run

    results = run(RuleBook.load(configuration(context).rules), files)
    failed = [result for result in results if not result.passed]
    if json:
        document([{"rule": r.rule, "test": r.test, "passed": r.passed, "detail": r.detail} for r in results])
    else:
        for result in failed:
            typer.echo(f"FAILED {result.rule}: {result.test}: {result.detail}", err=True)
        typer.echo(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


def _persons(lens: Lens, asked: str | None) -> list[str] | None:
    return None if asked is None else named(lens, asked)


def moment(text: str | None, calendar: CompanyCalendar, end: bool = False) -> datetime | None:
    """A day means its start, or with `end` the first moment after it; no zone means company time."""
    if text is None:
        return None
    try:
        if len(text) == len("2026-03-02"):
            day = date.fromisoformat(text)
            return calendar.end_of(day) if end else calendar.start_of(day)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text} is not an ISO 8601 day or time") from None
    return calendar.localize(found)
