"""Commands that say what came and what could not be read: sources, quarantine."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from app.cli.inputs import Json, house_of
from app.cli.masked import Unmask


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    sources = typer.Typer(help="The systems that send logs.", no_args_is_help=True)
    sources.command("status")(sources_status)
    app.add_typer(sources, name="sources")
    quarantine = typer.Typer(help="Records that could not be read.", no_args_is_help=True)
    quarantine.command("list")(quarantine_list)
    quarantine.command("replay")(quarantine_replay)
    app.add_typer(quarantine, name="quarantine")


def sources_status(context: typer.Context, json: Json = False) -> None:
    """What has arrived of each source, and what has not."""
    from api.views import source_views
    from app.cli.show import document, table

    with house_of(context) as house:
        views = source_views(house.events, house.directory())
    if json:
        document(views)
        return
    table(
        "Sources",
        (
            "source",
            "events",
            "quarantined",
            "ignored",
            "waiting lines",
            "unlinked accounts",
            "first event",
            "last event",
        ),
        (
            (
                *(v.source, v.events, v.quarantined, sum(v.ignored.values())),
                *(v.waiting, v.unlinked_accounts, v.first_event, v.last_event),
            )
            for v in views
        ),
    )


def quarantine_list(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help="Only this source's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    json: Json = False,
    unmask: Unmask = None,
) -> None:
    """Records that could not be read, with the reason. What stands in them is shown only with --unmask."""
    from app.cli.masked import reason_of, saw
    from app.cli.show import document, table, unread

    masked = reason_of(unmask) is None
    with house_of(context) as house:
        found = list(islice(house.events.quarantined(source), limit))
        if not masked:
            saw(house, "quarantine", (bad.id for bad in found), unmask)
    documents = [unread(bad, masked=masked) for bad in found]
    if json:
        document(documents)
        return
    table(
        "Quarantine",
        ("source", "file", "record", "reason", "begins with"),
        (
            (*(d[name] for name in ("source", "file", "record", "reason")), str(d["original"] or "")[:60])
            for d in documents
        ),
    )


def quarantine_replay(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help="Only this source's.")] = None,
    json: Json = False,
) -> None:
    """Read quarantined records again, as after a mended source; those that now fit become events."""
    from app.cli.show import document
    from app.jobs import judge_marked
    from app.pipeline import replay

    with house_of(context) as house:
        freed, left = replay(house, source)
        judge_marked(house)
    if json:
        document({"replayed": freed, "left": left})
    else:
        typer.echo(f"{freed:,} records replayed, {left:,} still in quarantine")
