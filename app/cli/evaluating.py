"""models evaluate: what rules, models and both find with equally many cases, printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.inputs import Json, configuration, house_of
from app.cli.masked import Unmask

if TYPE_CHECKING:
    from app.evaluating import Evaluated
    from core.batch import Batch
    from core.model import Metric
    from models.comparison import AtBudget
    from models.measures import Measures

WAYS = ("rules", "models", "both")
FAIR_WAY = "both"
SAID = {
    "company": "everybody",
    "department": "department",
    "title": "title",
    "leads": "leads people",
    "leaving": "has given notice",
    "seniority": "been here",
    "part_time": "part-time, as activity shows",
}


def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Id of a model, or how it begins; without, the champion.")] = "",
    since: Annotated[str, typer.Option(help="First day; without, the day after those the model learned from.")] = "",
    until: Annotated[str, typer.Option(help="Last day; without, that of the newest event.")] = "",
    budget: Annotated[
        list[float] | None, typer.Option(help="Cases per 1,000 people and week; may be given several times.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="The truth.json of a company that `simulate` made; without, confirmed cases.")
    ] = None,
    cert: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Instead, a release of the CERT insider-threat test data: nothing is kept."),
    ] = None,
    json: Json = False,
    unmask: Unmask = None,
) -> None:
    """Say what the rules alone, the model alone and both together find over history with equally many cases, how early,
    what was gone by then, and on whom cases for nothing fall. Only days that the model did not learn from count."""
    if cert:
        if model or since or until or budget or truth or unmask:
            raise typer.BadParameter("--cert is evaluated by itself: of other options only --json goes with it")
        _on_cert(cert, configuration(context).data, json)
        return
    from app.cli.masked import label, lens_of, saw
    from app.cli.show import document
    from app.evaluated import described
    from app.evaluating import BUDGETS, evaluated

    if budget and min(budget) <= 0:
        raise typer.BadParameter("a budget has more than 0 cases")
    with house_of(context) as house:
        found = evaluated(house, model, since=_day(since), until=_day(until), budgets=budget or BUDGETS, truth=truth)
        lens = lens_of(house, unmask)
        saw(house, "evaluation", [*(deed.person for deed in found.known.deeds), *found.known.left_out], unmask)
    if json:
        document(described(found, lambda person: person if lens.shows(person) else lens.pseudonym(person)))
    else:
        _print(found, lambda person: label(lens, person))


def _on_cert(folder: Path, data: Path, json: bool) -> None:
    """How the detectors do on data whose thieves are known, scenario by scenario."""
    from app.cert import evaluate_cert, tables
    from app.cli.show import bar, document, table

    with bar() as progress:
        reading = progress.add_task("reading", total=None, note="")
        read = 0

        def show(log: str, batch: Batch) -> None:
            nonlocal read
            read += batch.read
            progress.update(reading, note=f"{log} {read:,} records")

        found = evaluate_cert(folder, data, progress=show)
    if json:
        document(found)
        return
    for release in found.releases:
        for sentence in release.says:
            typer.echo(sentence)
    for title, head, rows in tables(found):
        table(title, head, rows)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text} is no day: write it as 2026-03-02") from None


def _print(found: Evaluated, called: Callable[[str], str]) -> None:
    from app.cli.show import table

    for line in _head(found):
        typer.echo(line)
    for at in found.comparison.budgets:
        table(
            f"{at.per_1000_and_week:g} cases per 1,000 people and week: {at.cases} in all",
            ("", *(f"{way} alone" if way != "both" else way for way in WAYS)),
            ((name, *cells) for name, cells in _rows(at, called)),
        )
        typer.echo(f"Both above rules alone, recall: {_number(at.gain)}")
    tops = found.comparison.precision_at_10
    typer.echo("Precision of the first ten: " + "; ".join(f"{way} {_number(tops.get(way))}" for way in WAYS))
    off = found.miscalibration
    typer.echo(f"Miscalibration of the model, orders of magnitude: {_number(off.get('together'))}")
    table(
        "Cases for nothing at the largest budget, rules and model together",
        ("group", "", "people", "cases", "share", "times the company's"),
        (
            (SAID[one.by], one.group, one.persons, one.false_cases, _number(one.rate), _number(one.ratio))
            for one in found.comparison.fairness[FAIR_WAY]
        ),
    )
    if found.comparison.ablation:
        table(
            "The model without one of its detectors, at the largest budget",
            ("left out", "recall", "recall lost", "its own miscalibration"),
            (
                (one.detector, _number(one.recall), _number(one.lost), _number(off.get(one.detector)))
                for one in found.comparison.ablation
            ),
        )


def _head(found: Evaluated) -> Iterator[str]:
    known = "by the truth file" if found.by_truth else "by confirmed cases"
    yield f"Model {found.model} learned from days up to {found.learned_until}."
    yield f"Evaluated on {found.first} to {found.last}, which it has not seen."
    yield f"{found.persons:,} people; {len(found.known.deeds)} did something, {known}."
    if not found.by_truth:
        yield (
            f"Counted as innocent: {found.benign:,} whose case was decided benign, "
            f"and {found.undecided:,} of whom nothing was decided."
        )
    if found.known.left_out:
        yield f"Left out, for what they did on other days: {len(found.known.left_out)}."
    if not found.known.deeds:
        yield "Nobody is known to have done anything on these days, so recall cannot be told."


def _rows(at: AtBudget, called: Callable[[str], str]) -> Iterator[tuple[str, list[str]]]:
    ways = [at.ways[way] for way in WAYS]
    metrics: Mapping[str, list[Metric | None]] = {
        "found, of those who did something": [way.recall for way in ways],
        "cases that found somebody": [way.precision for way in ways],
        "days before the last day, median": [way.lead_days for way in ways],
        "14 days before it or more": [way.early for way in ways],
        "records gone by the first alert": [way.gone.get("records") for way in ways],
        "bytes gone by the first alert": [way.gone.get("bytes") for way in ways],
    }
    yield "cases", [f"{len(way.cases):,}" for way in ways]
    for name, values in metrics.items():
        yield name, [_number(one) for one in values]
    yield "missed", [_missed(way, called) for way in ways]


def _missed(way: Measures, called: Callable[[str], str]) -> str:
    return ", ".join(map(called, way.missed[:10])) + (
        f" and {len(way.missed) - 10} more" if len(way.missed) > 10 else ""
    )


def _number(metric: Metric | None) -> str:
    return "–" if metric is None else f"{metric.value:.2f} ({metric.low:.2f} to {metric.high:.2f})"
