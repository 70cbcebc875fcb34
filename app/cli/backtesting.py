"""Commands that look back with rules: hunt, backtest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.findings import Lang, Since, Until, moment
from app.cli.hunting import Pipelines
from app.cli.inputs import Json, house_of
from app.cli.masked import Unmask

if TYPE_CHECKING:
    from access.lens import Lens
    from app.backtesting import Backtest
    from app.wiring import House
    from core.case import Case
    from detection.backtest import Difference, Lost, Rescored
    from detection.judge import Judged


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(hunt)
    app.command()(backtest)


def hunt(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="A file or folder of rules; of stored events also a rule's name.")],
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Look in a vendor's records instead: EVTX, JSON lines or JSON; gzip and zip too."
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    lang: Lang = "en",
    json: Json = False,
    pipeline: Pipelines = None,
    unmask: Unmask = None,
) -> None:
    """What a rule finds in the stored events, judged as live; or, a JSON line each, in a file of records. Nothing is
    written."""
    from app.cli.hunting import hunt_file

    if events is None:
        if pipeline:
            raise typer.BadParameter("--pipeline is for --events; for stored events the file lies in the rules' folder")
        _hunt_stored(context, rule, since, until, lang, json, unmask)
        return
    if since or until or unmask:
        raise typer.BadParameter("--since, --until and --unmask are for stored events: a file is read as a whole")
    hunt_file(Path(rule), events, pipeline or ())


def _hunt_stored(
    context: typer.Context, rule: str, since: str | None, until: str | None, lang: Lang, json: bool, unmask: str | None
) -> None:
    from api.views import found_documents
    from app.backtesting import hunt_with
    from app.cli.masked import label, lens_of, saw
    from app.cli.show import document, table

    with house_of(context) as house, _watched(house, "hunting", 1) as progress:
        start, end = moment(since, house.calendar), moment(until, house.calendar, end=True)
        found = hunt_with(house, rule, start, end, progress)
        lens = lens_of(house, unmask)
        alerts = found_documents(found.alerts, lens, found.book, lang)
        saw(house, "hunt", (alert.person for alert in found.alerts), unmask)
    if json:
        document({"rules": found.rules, "persons": len({one["person"] for one in alerts}), "alerts": alerts})
        return
    table(
        f"{len(alerts)} findings of {', '.join(found.rules)}",
        ("time", "person", "rule", "score", "what happened"),
        (
            (one["time"], label(lens, alert.person), one["rule"], one["score"], one["message"])
            for alert, one in zip(found.alerts, alerts, strict=True)
        ),
    )


def backtest(
    context: typer.Context,
    rules: Annotated[str, typer.Argument(metavar="RULE|DIR", help="A file or folder of changed or new rules.")],
    since: Since = None,
    until: Until = None,
    lang: Lang = "en",
    json: Json = False,
    unmask: Unmask = None,
) -> None:
    """What a change of rules would add and take away, person by person; nothing is written. Exit code 1 where a
    confirmed case would be lost."""
    from app.backtesting import backtest as run
    from app.cli.masked import lens_of, saw
    from app.cli.show import document

    with house_of(context) as house, _watched(house, "judging anew", 2) as progress:
        start, end = moment(since, house.calendar), moment(until, house.calendar, end=True)
        found = run(house, rules, start, end, progress)
        lens = lens_of(house, unmask)
        told = _told(found, lens, lang)
        persons = [*(one.person for one in found.differences), *(one.case.person for one in found.lost)]
        saw(house, "backtest", persons, unmask)
    if json:
        document(told)
    else:
        _print(told)
    if found.lost:
        raise typer.Exit(1)


@contextmanager
def _watched(house: House, what: str, times: int) -> Iterator[Callable[[Judged], None]]:
    """A progress bar over everybody, gone through so many times."""
    from app.cli.show import bar
    from app.jobs import EVERYBODY
    from detection.judge import persons_of

    with bar() as progress:
        total = times * len(persons_of(EVERYBODY, house.directory()))
        task = progress.add_task(what, total=total or None, note="")
        judged = 0

        def show(done: Judged) -> None:
            nonlocal judged
            judged += len(done.spans)
            progress.update(task, completed=judged, note=f"{judged:,} of {total:,} persons")

        yield show


def _told(found: Backtest, lens: Lens, lang: Lang) -> dict[str, Any]:
    """The document of a backtest."""
    return {
        "rules": list(found.rules),
        "added": sum(len(one.added) for one in found.differences),
        "removed": sum(len(one.removed) for one in found.differences),
        "changed": sum(len(one.changed) for one in found.differences),
        "cases_opened": sum(not one.case_before and bool(one.case_after) for one in found.differences),
        "cases_gone": sum(bool(one.case_before) and not one.case_after for one in found.differences),
        "confirmed_lost": [_lost(one, lens) for one in found.lost],
        "persons": [_person(one, found, lens, lang) for one in found.differences],
    }


def _person(one: Difference, found: Backtest, lens: Lens, lang: Lang) -> dict[str, Any]:
    from api.views import found_documents
    from app.cli.masked import with_identity

    return {
        **with_identity(lens, one.person),
        "added": found_documents(one.added, lens, found.after, lang),
        "removed": found_documents(one.removed, lens, found.before, lang),
        "changed": [_rescored(pair) for pair in one.changed],
        "case_before": _case(one.case_before),
        "case_after": _case(one.case_after),
    }


def _rescored(pair: Rescored) -> dict[str, Any]:
    return {
        "id": pair.after.id,
        "rule": pair.after.rule,
        "day": pair.after.day.isoformat(),
        "score_before": pair.before.score,
        "score_after": pair.after.score,
        "time_before": pair.before.time,
        "time_after": pair.after.time,
    }


def _case(case: Case | None) -> dict[str, Any] | None:
    return None if case is None else {"id": case.id, "opened": case.opened, "score": case.score}


def _lost(one: Lost, lens: Lens) -> dict[str, Any]:
    from app.cli.masked import with_identity

    opens = None if one.opens is None else one.opens.opened
    return {"case": one.case.id, **with_identity(lens, one.case.person), "opens": opens}


def _print(told: dict[str, Any]) -> None:
    from app.cli.masked import called
    from app.cli.show import table

    table(
        f"{', '.join(told['rules']) or 'No rule'} judged anew: {told['added']:,} findings more, "
        f"{told['removed']:,} fewer, {told['changed']:,} changed; "
        f"{told['cases_opened']:,} cases more, {told['cases_gone']:,} fewer",
        ("person", "more", "fewer", "changed", "case before", "case after"),
        (
            (
                called(one["person"], one["identity"]),
                _by_rule(one["added"]),
                _by_rule(one["removed"]),
                _by_rule(one["changed"]),
                _opened(one["case_before"]),
                _opened(one["case_after"]),
            )
            for one in told["persons"]
        ),
    )
    for one in told["confirmed_lost"]:
        when = f"would open only at {one['opens']:%Y-%m-%d %H:%M} UTC" if one["opens"] else "would be lost"
        typer.echo(f"confirmed case {one['case'][:8]} of {called(one['person'], one['identity'])} {when}", err=True)


def _by_rule(alerts: Sequence[dict[str, Any]]) -> str:
    counts = Counter(alert["rule"] for alert in alerts)
    return ", ".join(f"{rule} {count}" if count > 1 else rule for rule, count in sorted(counts.items()))


def _opened(case: dict[str, Any] | None) -> str:
    return "" if case is None else f"{case['opened']:%Y-%m-%d %H:%M} score {case['score']:g}"
