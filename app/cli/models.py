"""Commands about models: learn, list, put to work, go back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.evaluating import evaluate
from app.cli.findings import Lang
from app.cli.inputs import Check, Json, house_of, say
from app.cli.masked import Unmask

if TYPE_CHECKING:
    from app.wiring import House
    from core.model import RegisteredModel

Name = Annotated[str, typer.Argument(help="Id of a model, or how it begins.")]
By = Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")]
Why = Annotated[str, typer.Option(help="Why, for those who read it later.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    models = typer.Typer(
        help="Models that learn from the company's own past; the promoted one is asked about every day that is over.",
        no_args_is_help=True,
    )
    models.command("train")(train)
    models.command("list")(list_models)
    models.command("evaluate")(evaluate)
    models.command("shadow")(shadow)
    models.command("promote")(promote)
    models.command("rollback")(rollback)
    models.command("findings")(findings)
    models.command("incidents")(incidents)
    models.command("drift")(drift)
    app.add_typer(models, name="models")


def train(
    context: typer.Context,
    days: Annotated[
        int, typer.Option(min=30, max=4000, help="Days to learn from, up to the newest event, if there are so many.")
    ] = 180,
    seed: Annotated[int, typer.Option(help="The same seed and the same events give the same model.")] = 0,
    by: By = "",
    json: Json = False,
) -> None:
    """Learn from what is stored. The last fifth of the days is held out to see what the model is worth."""
    from datetime import timedelta

    from app.modelling import newest_day, registry_of
    from app.modelling import train as learn

    with house_of(context) as house:
        last = newest_day(house)
        card = learn(house, last - timedelta(days=days - 1), last, by=by or _who(), seed=seed)
        found = registry_of(house).named(card.id)
        _say(house, [found], json, one=True)


def list_models(context: typer.Context, json: Json = False) -> None:
    """All models, the oldest first."""
    from app.modelling import registry_of

    with house_of(context) as house:
        found = registry_of(house).models()
        _say(house, list(found), json)


def shadow(context: typer.Context, model: Name, by: By = "", why: Why = "", json: Json = False) -> None:
    """Have a model look at every day beside the champion. What it finds is kept and nobody is told."""
    from app.modelling import registry_of

    with house_of(context) as house:
        found = registry_of(house).shadow(model, by=by or _who(), why=why)
        _follow(house)
        _say(house, [found], json, one=True)


def promote(context: typer.Context, model: Name, by: By = "", why: Why = "", json: Json = False) -> None:
    """Make a model champion, unless it is worse than the present one on the days that it held out."""
    from app.modelling import promote as make_champion

    with house_of(context) as house:
        found = make_champion(house, model, by=by or _who(), why=why)
        _follow(house)
        _say(house, [found], json, one=True)


def rollback(context: typer.Context, why: Why = "", by: By = "", json: Json = False) -> None:
    """Bring back the champion before the present one."""
    from app.modelling import registry_of

    with house_of(context) as house:
        found = registry_of(house).rollback(by=by or _who(), why=why)
        _follow(house)
        _say(house, [found], json, one=True)


def findings(context: typer.Context, model: Name, lang: Lang = "en", json: Json = False, unmask: Unmask = None) -> None:
    """What a champion or shadow has found, a person's day a line, the oldest first. A shadow's raise no alerts."""
    from dataclasses import asdict

    from app.cli.masked import label, lens_of, saw, with_identity
    from app.cli.show import document, table
    from app.modelling import registry_of
    from detection.behaviours.unusual import strongest

    with house_of(context) as house:
        found = house.records.findings(registry_of(house).named(model).card.id)
        lens = lens_of(house, unmask)
        saw(house, "model findings", (one.person for one in found), unmask)
    if json:
        document([asdict(one) | with_identity(lens, one.person) for one in found])
        return
    table(
        f"{len(found)} findings",
        ("day", "person", "one in", "votes", "most of all by"),
        (
            (
                one.day,
                label(lens, one.person),
                one.one_in,
                ", ".join(f"{vote.detector} {vote.one_in:,.0f}" for vote in one.votes),
                ", ".join(driver.zh if lang == "zh" else driver.en for driver in strongest(one.votes)),
            )
            for one in found
        ),
    )


def _follow(house: House) -> None:
    """What another model means for days that are over; where judges share servers, they score them."""
    from app.jobs import judge_marked

    judge_marked(house)


def incidents(context: typer.Context, file: Path, check: Check = False, json: Json = False) -> None:
    """Import incidents of the past from CSV, for models to learn from: person, first_day, last_day, kind, why, who."""
    from app.hr import import_incidents

    with house_of(context) as house:
        result = import_incidents(house, file, check)
    say(file, result, check, json)


def drift(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=7, max=366, help="Days of late, up to the newest event.")] = 28,
    json: Json = False,
) -> None:
    """Whether the days of late are still those that the champion knows. Exit code 1 where they are not."""
    from dataclasses import asdict

    from app.cli.show import document, table
    from app.drifting import look
    from app.modelling import newest_day

    with house_of(context) as house:
        found = look(house, newest_day(house), days)
    problems = found.problems()
    if json:
        document({**asdict(found), "apart": list(found.apart), "factor": found.factor, "problems": problems})
    else:
        said = f"{found.factor:.2g} times as many days as said are one in 100"
        table(
            f"Model {found.model}, {found.first} to {found.last}, {found.person_days:,} person-days: {said}",
            ("feature", "stability index"),
            ((name, f"{found.psi[name]:.2f}") for name in found.apart),
        )
        for problem in problems:
            typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)


def _who() -> str:
    from getpass import getuser

    return getuser()


def _say(house: House, found: list[RegisteredModel], json: bool, *, one: bool = False) -> None:
    from api.routes.models import model_view
    from app.cli.show import document, table
    from app.modelling import shown, taught
    from core.drift import kept

    counts = house.records.finding_counts()
    if json:
        documents = [model_view(model, counts.get(model.card.id, 0), kept(house.records)) for model in found]
        document(documents[0] if one else documents)
        return
    table(
        f"{len(found)} models",
        ("model", "state", "since", "by", "why", "learned", "people", "findings"),
        (
            (
                model.card.id,
                model.state.value,
                model.changed,
                model.by,
                model.why,
                f"{model.card.first} to {model.card.last}",
                model.card.persons,
                counts.get(model.card.id, 0),
            )
            for model in found
        ),
    )
    for model in found:
        typer.echo(f"{model.card.id} on days held out: {shown(model.card.evaluation)}")
        if lesson := taught(model.card.lesson):
            typer.echo(f"{model.card.id} and past incidents: {lesson}")
