"""The command that searches events and adds them up."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from app.cli.findings import Since, Until, moment
from app.cli.inputs import Json, house_of
from app.cli.masked import Unmask

if TYPE_CHECKING:
    from collections.abc import Mapping

SAYS = (
    "file.path",
    "file.name",
    "url.full",
    "email.subject",
    "email.to.address",
    "crm.object",
    "target.user",
    "event.code",
)
"""What an event was about: the first of these that it has."""


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(search)


def search(
    context: typer.Context,
    query: Annotated[
        str, typer.Argument(help="As in user.name:zhang* AND data.records:>1000; docs/search.md tells all.")
    ],
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many rows.")] = 100,
    newest: Annotated[bool, typer.Option("--newest", help="Newest first.")] = False,
    by: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Count by this field, or by day, instead; repeatable.")
    ] = None,
    order: Annotated[
        Literal["events", "records", "bytes"], typer.Option(help="Which totals come first: the most of these.")
    ] = "events",
    json: Json = False,
    unmask: Unmask = None,
) -> None:
    """Search the stored events, or add them up. Without --unmask only by fields that identify nobody."""
    from api.search import asked, event_page, totals
    from app.cli.masked import lens_of, saw
    from app.cli.show import document, table

    with house_of(context) as house:
        zone = house.calendar.zone
        start, end = moment(since, house.calendar), moment(until, house.calendar, end=True)
        lens = lens_of(house, unmask)
        wanted = asked(query, start, end, lens, by or ())
        if by:
            found, persons = totals(house.events, wanted, by, lens, order=order, limit=limit)
            saw(house, "totals", persons, unmask)
        else:
            page, persons = event_page(house.events, wanted, lens, limit=limit, newest=newest, after=None)
            saw(house, "events", persons, unmask)
    if json:
        document(found if by else page.events)
    elif by:
        rows = ((*total.by.values(), total.events, total.records, total.bytes) for total in found)
        table(f"{len(found)} totals", (*dict.fromkeys(by), "events", "records", "bytes"), rows)
    else:
        table(
            f"{len(page.events)} events{' and there are more' if page.next else ''}, times of {zone}",
            ("time", "account" if unmask else "person", "action", "what", "records"),
            (_row(event, ZoneInfo(zone)) for event in page.events),
        )


def _row(event: Mapping[str, object], zone: ZoneInfo) -> tuple[object, ...]:
    time = datetime.fromisoformat(str(event["@timestamp"])).astimezone(zone).replace(tzinfo=None)
    what = next((event[name] for name in SAYS if name in event), None)
    return (
        time,
        event.get("user.account", event.get("person.id")),
        event.get("event.action"),
        what,
        event.get("data.records"),
    )
