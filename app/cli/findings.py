"""Commands that show what was found: alerts, cases, risk, rules."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.hunting import rules_import
from app.cli.inputs import Json, configuration, house_of
from core.calendar import CompanyCalendar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.views import TermView
    from core.directory import Directory

Person = Annotated[str | None, typer.Option(help="Only this person's: employee number, mail address or account.")]
Since = Annotated[str | None, typer.Option(help="From this day or moment on (ISO 8601; company time without a zone).")]
Until = Annotated[str | None, typer.Option(help="Before this moment, or to the end of this day.")]
Lang = Annotated[Literal["en", "zh"], typer.Option(help="Language of the messages.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(alerts)
    app.command()(cases)
    app.command()(risk)
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
) -> None:
    """Alerts, oldest first, each explained."""
    from api.views import alert_views
    from app.cli.show import document, table

    with house_of(context) as house:
        directory = house.directory()
        found = house.records.alerts(
            persons=_persons(directory, person),
            since=moment(since, house.calendar),
            until=moment(until, house.calendar, end=True),
        )
        views = alert_views(found, house.records, directory, house.book, lang)
    if json:
        document(views)
        return
    table(
        f"{len(views)} alerts",
        ("time", "person", "severity", "score", "what happened"),
        ((view.time, view.email or view.person, view.severity, view.score, view.message) for view in views),
    )


def cases(
    context: typer.Context, json: Json = False, since: Since = None, until: Until = None, person: Person = None
) -> None:
    """Cases: one person's open alerts together."""
    from api.views import case_views
    from app.cli.show import document, table

    with house_of(context) as house:
        directory = house.directory()
        start, end = moment(since, house.calendar), moment(until, house.calendar, end=True)
        found = [
            case
            for case in house.records.cases(persons=_persons(directory, person))
            if (start is None or case.opened >= start) and (end is None or case.opened < end)
        ]
        views = case_views(found, directory)
    if json:
        document(views)
        return
    table(
        f"{len(views)} cases",
        ("opened", "case", "person", "score", "alerts"),
        ((view.opened, view.id[:8], view.email or view.person, view.score, len(view.alerts)) for view in views),
    )


def risk(
    context: typer.Context, json: Json = False, since: Since = None, until: Until = None, person: Person = None
) -> None:
    """Persons ranked by score, each with the terms that add up to it. Scores are taken at --until, else at the
    newest event."""
    from api.views import data_clock, risk_views
    from app.cli.show import document, table

    with house_of(context) as house:
        directory = house.directory()
        at = moment(until, house.calendar, end=True) or data_clock(house.records, house.events)
        found = house.records.alerts(persons=_persons(directory, person), since=moment(since, house.calendar))
        views = risk_views(found, directory, at)
    if json:
        document(views)
        return
    table(
        f"Persons by risk at {at:%Y-%m-%d %H:%M} UTC",
        ("score", "person", "stage", "first alert", "made of"),
        ((view.score, view.email or view.person, view.stage, view.first_alert, made_of(view.terms)) for view in views),
    )


def made_of(terms: Sequence[TermView]) -> str:
    """The strongest terms of a ledger, on one line."""
    return ", ".join(f"{term.name} {term.points:g}" for term in terms[:6])


def rules_list(context: typer.Context, json: Json = False) -> None:
    """The rules in force."""
    from app.cli.show import document, table
    from detection.rulebook import RuleBook

    book = RuleBook.load(configuration(context).rules)
    rows = [
        {"name": rule.name, "title": rule.title, "level": rule.level.value, "kind": rule.kind, "alerts": rule.alerts}
        for rule in book.rules.values()
    ]
    if json:
        document(rows)
    else:
        table(f"{len(rows)} rules", ("name", "title", "level", "kind", "alerts"), (tuple(row.values()) for row in rows))


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


def _persons(directory: Directory, asked: str | None) -> list[str] | None:
    if asked is None:
        return None
    found = {asked}
    for key in (asked, f"mail:{asked.lower()}", f"employee:{asked.lower()}", f"login:{asked.lower()}"):
        found |= directory.persons_of(key)
    return sorted(found)


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
