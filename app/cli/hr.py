"""Commands for what HR files, one at a time, and what HR is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.inputs import Json, house_of, leavers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from access.lens import Lens
    from app.wiring import House
    from core.directory import Directory
    from core.notice import Notice
    from core.person import Filing

Who = Annotated[str, typer.Argument(help="Employee number or mail address.")]
Which = Annotated[int, typer.Argument(min=1, help="Number of the notice.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    leavers.command("file")(file)
    leavers.command("withdraw")(withdraw)
    notices = typer.Typer(help="What HR is told of cases, and what HR answered.", no_args_is_help=True)
    for name, command in (("list", list_notices), ("show", show), ("send", send), ("acknowledge", acknowledge)):
        notices.command(name)(command)
    app.add_typer(notices, name="notices")


def file(
    context: typer.Context,
    person: Who,
    last_day: Annotated[str | None, typer.Option(help="Last working day, 2026-03-31.")] = None,
    filed: Annotated[str | None, typer.Option(help="When it was filed; without, now.")] = None,
) -> None:
    """File one resignation, then replay the person's past."""
    from datetime import UTC, datetime

    from app.cli.findings import moment
    from cases.departures import filed as fit

    with house_of(context) as house:
        directory, now = house.directory(), datetime.now(UTC)
        at = moment(filed, house.calendar) or now
        account, found = _person(directory, person, at)
        _file(house, fit(directory, found, account, at, _day(last_day), now, again=filed is None))


def withdraw(
    context: typer.Context,
    person: Who,
    mistake: Annotated[bool, typer.Option("--mistake", help="As if it had never been filed.")] = False,
) -> None:
    """Withdraw one resignation: nobody is watched for it any more."""
    from datetime import UTC, datetime

    from cases.departures import withdrawn as fit

    with house_of(context) as house:
        directory, now = house.directory(), datetime.now(UTC)
        _, found = _person(directory, person, now)
        _file(house, fit(directory, found, now, mistake=mistake))


def list_notices(context: typer.Context, json: Json = False) -> None:
    """Notices to HR, the newest first."""
    from api.notices import notice_view
    from app.cli.masked import saw
    from app.cli.show import document, table

    with house_of(context) as house:
        lens, found = _lens(house), house.records.notices()
        saw(house, "notices", (each for one in found for each in (one.id, one.person)), None)
        views = [notice_view(one, lens) for one in found]
    if json:
        document(views)
        return
    table(
        f"{len(views)} notices",
        ("number", "person", "level", "stage", "state", "deadline", "sent", "by"),
        (
            (one.number, one.person, one.level, one.stage, one.state, one.deadline, one.sent, one.sent_by)
            for one in views
        ),
    )


def show(context: typer.Context, number: Which, json: Json = False) -> None:
    """One notice, as HR reads it."""
    from api.notices import notice_view
    from app.cli.masked import saw
    from app.cli.show import document

    with house_of(context) as house:
        found = _notice(house, number)
        saw(house, "notice", (found.id, found.person), None)
        view = notice_view(found, _lens(house))
    if json:
        document(view)
    else:
        _print(found)


def send(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="Id of the case, or its first characters.")],
    check: Annotated[bool, typer.Option("--check", help="Show what HR would read; send nothing.")] = False,
) -> None:
    """Send HR a notice of a case."""
    from datetime import UTC, datetime

    from app.cli.masked import saw
    from app.cli.show import who
    from app.hrdesk import HrDesk
    from app.whichcase import case_named

    with house_of(context) as house:
        meant = case_named(house, case)
        drafted = HrDesk(house).draft(meant, (), who(), datetime.now(UTC))
        saw(house, "draft of a notice", (meant.id, meant.person), None)
        _print(drafted)
        if not check:
            typer.echo(f"sent as notice {house.records.send_notice(drafted).number}")


def acknowledge(context: typer.Context, number: Which) -> None:
    """HR has read it and takes care of it."""
    from datetime import UTC, datetime

    from app.cli.show import who
    from cases.notices import acknowledge as read

    with house_of(context) as house:
        found, now = _notice(house, number), datetime.now(UTC)
        changed = read(found, who(), now)
        if changed is not found:
            house.records.change_notice(changed, by=who(), at=now)
    typer.echo(f"notice {number} is acknowledged")


def _person(directory: Directory, asked: str, at: datetime) -> tuple[str, str]:
    """The account that names somebody, and who it is. Raises `Refused` where it is nobody."""
    from core.errors import Refused
    from core.person import account_key

    account = account_key("mail" if "@" in asked else "employee", asked)
    found = directory.person_at(account, at)
    if found == account:
        raise Refused(f"{asked} is nobody known at that time")
    return account, found


def _file(house: House, filings: Sequence[Filing]) -> None:
    from app.cli.show import who
    from app.hrdesk import HrDesk
    from app.jobs import judge_marked

    if not filings:
        typer.echo("nothing changes")
        return
    HrDesk(house).file(filings, who())
    judge_marked(house)
    typer.echo("withdrawn" if filings[0].withdrawn else "filed")


def _notice(house: House, number: int) -> Notice:
    from core.errors import Refused

    found = next((one for one in house.records.notices() if one.number == number), None)
    if found is None:
        raise Refused(f"there is no notice {number}")
    return found


def _lens(house: House) -> Lens:
    """Persons by pseudonym."""
    from access.lens import Lens
    from app.cli.show import who
    from app.pseudonyms import pseudonyms
    from core.access import Caller, Permission

    caller = Caller(name=who(), roles=frozenset(), permissions=frozenset({Permission.READ_CASES}))
    return Lens(caller, house.directory(), pseudonyms(house.records))


def _print(notice: Notice) -> None:
    from cases.noticewords import text_of

    text = text_of(notice)
    for lang in ("zh", "en"):
        parts = [text.stage[lang], text.level[lang], text.when[lang]]
        parts += [f"  - {words[lang]}" for _, words in text.steps]
        typer.echo("\n".join([*parts, text.presumed[lang], ""]))


def _day(text: str | None) -> date | None:
    from datetime import date

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day: 2026-03-31") from None
