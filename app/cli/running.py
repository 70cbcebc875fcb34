"""Commands that run things: demo, simulate, serve, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.inputs import Json, bring_in, configuration, house_of
from app.processes import Process

if TYPE_CHECKING:
    from app.report import Report

Employees = Annotated[int, typer.Option(min=10, max=100_000, help="Size of the company.")]
Days = Annotated[int, typer.Option(min=1, max=1000, help="Days of logs.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same company.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (demo, simulate, serve, doctor):
        app.command()(command)


def demo(
    context: typer.Context,
    employees: Employees = 1000,
    days: Days = 120,
    seed: Seed = 7,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Stop after the table.")] = False,
    json: Json = False,
) -> None:
    """Make a company, import its logs, print what was found of what is true, then serve."""
    from app.cli.show import document
    from app.files import inputs_below
    from app.hr import import_folder
    from app.playground import prepare
    from app.report import compare
    from app.wiring import open_house

    config = configuration(context)
    logs = prepare(config.data, employees, days, seed)
    with open_house(config) as house:
        import_folder(house, logs / "hr")
        inputs, _ = inputs_below(house.sources, logs)
        bring_in(house, inputs)
        report = compare(logs / "truth.json", house.records.cases(), house.records.alerts())
    if json:
        document(report)
    else:
        _print(report)
    if not no_serve:
        serve(context)


def _print(report: Report) -> None:
    from app.cli.show import table

    table(
        f"Found of what is true: {report.employees:,} people, {report.days} days, {report.cases} cases "
        f"({report.cases_per_1000_and_day:.2f} per 1,000 people and day), {len(report.false)} of them false",
        ("kind of thief", "people", "found", "within a day", "median days before the last day"),
        ((name, kind.thieves, kind.found, kind.within_a_day, kind.median_lead) for name, kind in report.kinds.items()),
    )
    if report.false:
        table("False cases", ("person", "who they are"), report.false)


def simulate(
    out: Path,
    employees: Employees = 1000,
    days: Days = 120,
    seed: Seed = 7,
    cert: Annotated[
        str | None,
        typer.Option(metavar="RELEASE", help="In the layout of the CERT insider-threat test data: 4.2, 5.2 or 6.2."),
    ] = None,
) -> None:
    """Write a made-up company's raw logs and truth.json; import nothing."""
    if cert is None:
        from demo.simulate import simulate as make

        make(out, employees=employees, days=days, seed=seed)
    else:
        from demo.cert import simulate_cert

        simulate_cert(out, cert, employees=employees, days=days, seed=seed)
    typer.echo(f"wrote {out}")


def serve(context: typer.Context) -> None:
    """Serve the API on this machine until stopped. Where judges share no database, what is marked is judged beside
    it."""
    from app.entrance import address_of
    from app.serving import answer, beside_service

    config = configuration(context)
    with house_of(context) as house, beside_service(house) as token:
        typer.echo(f"{address_of(config)}/api/v1/login", err=True)
        if token:
            _welcome(address_of(config), token)
        answer(config)


def _welcome(address: str, token: str) -> None:
    typer.echo("There are no users yet. Whoever does this first, within 24 hours, is the admin:", err=True)
    body = f'{{"token": "{token}", "name": "NAME", "password": "PASSWORD"}}'
    typer.echo(f"  curl -H 'Content-Type: application/json' {address}/api/v1/first-admin -d '{body}'", err=True)


def doctor(
    context: typer.Context,
    process: Annotated[
        Process | None,
        typer.Option(help="Look only at what this process needs, with its rights; without, at everything."),
    ] = None,
    ledger: Annotated[bool, typer.Option("--ledger", help="Hold every stored event against the ledger.")] = False,
    heads: Annotated[
        Path | None, typer.Option(help="With --ledger: heads that were exported, a file or a folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Look for what is wrong: servers, rules, stores, silence; or whether anything stored was tampered with."""
    from app.cli.show import document
    from app.doctor import examine
    from app.ledgerdoctor import examine_ledger
    from app.metrics import quiet

    quiet()
    if heads and not ledger:
        raise typer.BadParameter("--heads goes with --ledger")
    if ledger:
        with house_of(context) as house:
            findings = list(examine_ledger(house, heads))
    else:
        findings = examine(configuration(context), process)
    if json:
        document(findings)
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'FAIL'} {finding.check}: {finding.text}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
