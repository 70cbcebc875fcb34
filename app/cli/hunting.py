"""Other people's rules brought in (rules import), and rules put to files of records (hunt --events)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.cli.inputs import Json, configuration, house_of

Pipelines = Annotated[
    list[Path] | None,
    typer.Option(
        "--pipeline", metavar="FILE", help="A processing pipeline of pySigma that changes the rules; several."
    ),
]


def hunt_file(rule: Path, events: Path, pipelines: Sequence[Path]) -> None:
    """Hunt through a file: matches on standard output, what could not be run or read on standard error."""
    from app.cli.show import line
    from app.hunting import Hunt, rule_texts
    from core.errors import RuleError

    hunting = Hunt.of(rule_texts(rule, pipelines))
    rules = hunting.rules
    if not rules.single:
        raise RuleError("; ".join(rules.refused) or f"{rule}: there is no rule")
    for problem in rules.refused:
        typer.echo(problem, err=True)
    for found in hunting.through(events):
        if isinstance(found, str):
            typer.echo(found, err=True)
        else:
            line(asdict(found))


def rules_import(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Sigma rules, such as a checkout of SigmaHQ.")],
    pipeline: Pipelines = None,
    check: Annotated[bool, typer.Option("--check", help="Only tell; copy nothing.")] = False,
    json: Json = False,
) -> None:
    """Say of every rule whether it runs, never matches on the sources present, or is refused; copy what runs."""
    from app.cli.show import document
    from app.hunting import rule_texts
    from app.ruleimport import Pack, fields_stored

    config = configuration(context)
    texts = rule_texts(folder, pipeline or ())
    target = config.detection.rules or config.data / "rules"
    with house_of(context) as house:
        stored = fields_stored(house.events)
    pack = Pack.of(texts, folder, target)
    verdicts = pack.verdicts(stored)
    copied = 0 if check else pack.copy(verdicts)
    counts = Counter(verdict.outcome for verdict in verdicts)
    summary = {outcome: counts[outcome] for outcome in ("runs", "never", "refused")}
    if json:
        document({**summary, "files": len(texts), "copied": copied, "rules": [asdict(verdict) for verdict in verdicts]})
        return
    for verdict in verdicts:
        if verdict.outcome != "runs":
            typer.echo(f"{verdict.outcome}: {verdict.file}: {verdict.reason}")
    told = (
        f"{counts['runs']} rules run, {counts['never']} never match on the sources present, {counts['refused']} refused"
    )
    typer.echo(f"{len(texts)} files: {told}; {copied} files copied to {pack.into}")
