"""Commands about channels: which there are, trying one, telling again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.findings import Since, Until, moment
from app.cli.inputs import Json, house_of

if TYPE_CHECKING:
    from app.wiring import House
    from core.notifying import Channel

Name = Annotated[str, typer.Argument(metavar="CHANNEL", help="Name of the channel.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    notify = typer.Typer(help="Channels by which people and systems are told.", no_args_is_help=True)
    notify.command("list")(list_channels)
    notify.command("test")(test)
    notify.command("replay")(replay)
    app.add_typer(notify, name="notify")


def list_channels(context: typer.Context, json: Json = False) -> None:
    """Every channel. Addresses and secrets are not shown."""
    from api.routes.channels import channel_view
    from app.cli.show import document, table

    with house_of(context) as house:
        found = [channel_view(one) for one in house.records.channels()]
    if json:
        document([one.model_dump(mode="json") for one in found])
        return
    table(
        f"{len(found)} channels",
        ("name", "kind", "address", "told of", "does", "on", "why off"),
        (
            (one.name, one.kind.value, one.address, ", ".join(one.kinds), ", ".join(one.actions), one.enabled,
             one.why_off)
            for one in found
        ),
    )  # fmt: skip


def test(context: typer.Context, name: Name) -> None:
    """Send a test by a channel now."""
    from app.channels import Channels
    from app.cli.show import who
    from app.entrance import sealer_of
    from app.notifydesk import NotifyDesk
    from app.staff import Staff

    with house_of(context) as house:
        desk = NotifyDesk(house, Channels(house.config, sealer_of(house.config, house.records)), Staff(house.records))
        desk.try_channel(_named(house, name), by=who())
    typer.echo(f"{name} took it")


def replay(
    context: typer.Context,
    name: Name,
    delivery: Annotated[str, typer.Option(help="Only this delivery, by id.")] = "",
    since: Since = None,
    until: Until = None,
) -> None:
    """Have what was told by a channel told again, under the ids that it had: one delivery, or all of a time."""
    from app.cli.show import who
    from core.notifying import Replay

    if not (delivery or since):
        raise typer.BadParameter("give --delivery or --since")
    with house_of(context) as house:
        which = Replay(
            delivery=delivery,
            since=moment(since, house.calendar),
            until=moment(until, house.calendar, end=True),
        )
        at = datetime.now(UTC)
        count = house.records.replay(_named(house, name).name, which, by=who(), at=at)
    typer.echo(f"{count:,} deliveries go again while `serve` runs")


def _named(house: House, name: str) -> Channel:
    found = next((one for one in house.records.channels() if one.name == name), None)
    if found is None:
        raise typer.BadParameter(f"there is no channel {name}")
    return found
