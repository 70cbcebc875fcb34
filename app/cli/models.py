"""Commands about models: learn, list, put to work, go back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.evaluating import evaluate
from app.cli.inputs import Json, house_of

if TYPE_CHECKING:
    from core.model import RegisteredModel

Name = Annotated[str, typer.Argument(help="Id of a model, or how it begins.")]
By = Annotated[str, typer.Option(help="Who answers for it; without, whoever is logged in.")]
Why = Annotated[str, typer.Option(help="Why, for those who read it later.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    models = typer.Typer(
        help="Models that learn from the company's own past. No score uses them yet.", no_args_is_help=True
    )
    models.command("train")(train)
    models.command("list")(list_models)
    models.command("evaluate")(evaluate)
    models.command("shadow")(shadow)
    models.command("promote")(promote)
    models.command("rollback")(rollback)
    app.add_typer(models, name="models")


def train(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=30, max=4000, help="Days to learn from, up to the newest event.")] = 180,
    seed: Annotated[int, typer.Option(help="The same seed and the same events give the same model.")] = 0,
    by: By = "",
    json: Json = False,
) -> None:
    """Learn from what is stored. The last fifth of the days is held out to see what the model is worth."""
    from datetime import timedelta

    from app.modelling import registry_of
    from app.modelling import train as learn
    from core.errors import Refused

    with house_of(context) as house:
        newest = house.events.newest()
        if newest is None:
            raise Refused("no events are stored: import logs first")
        last = house.calendar.day_of(newest)
        card = learn(house, last - timedelta(days=days - 1), last, by=by or _who(), seed=seed)
        found = registry_of(house).named(card.id)
    _say([found], json, one=True)


def list_models(context: typer.Context, json: Json = False) -> None:
    """All models, the oldest first."""
    from app.modelling import registry_of

    with house_of(context) as house:
        found = registry_of(house).models()
    _say(list(found), json)


def shadow(context: typer.Context, model: Name, by: By = "", why: Why = "", json: Json = False) -> None:
    """Mark a model that is to be watched before it is promoted."""
    from app.modelling import registry_of

    with house_of(context) as house:
        found = registry_of(house).shadow(model, by=by or _who(), why=why)
    _say([found], json, one=True)


def promote(context: typer.Context, model: Name, by: By = "", why: Why = "", json: Json = False) -> None:
    """Make a model champion, unless it is worse than the present one on the days that it held out."""
    from app.modelling import promote as make_champion

    with house_of(context) as house:
        found = make_champion(house, model, by=by or _who(), why=why)
    _say([found], json, one=True)


def rollback(context: typer.Context, why: Why = "", by: By = "", json: Json = False) -> None:
    """Bring back the champion before the present one."""
    from app.modelling import registry_of

    with house_of(context) as house:
        found = registry_of(house).rollback(by=by or _who(), why=why)
    _say([found], json, one=True)


def _who() -> str:
    from getpass import getuser

    return getuser()


def _say(found: list[RegisteredModel], json: bool, *, one: bool = False) -> None:
    from app.cli.show import document, table
    from app.modelling import described, shown

    if json:
        documents = [described(model) for model in found]
        document(documents[0] if one else documents)
        return
    table(
        f"{len(found)} models",
        ("model", "state", "since", "by", "why", "learned from", "to", "people", "on days held out"),
        (
            (
                model.card.id,
                model.state.value,
                model.changed,
                model.by,
                model.why,
                model.card.first,
                model.card.last,
                model.card.persons,
                shown(model.card.evaluation),
            )
            for model in found
        ),
    )
