"""The command line: a contract that scripts rely on. Heavy imports wait until a command needs them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from app.cli import (
    accesskey,
    arrivals,
    atrest,
    backing,
    backtesting,
    compliance,
    evidence,
    findings,
    grounds,
    heads,
    holds,
    hr,
    inputs,
    models,
    moving,
    notifying,
    processes,
    running,
    searching,
    subjects,
    users,
)
from core.errors import LeaverwatchError

EVERYWHERE = ("--data", "--config")
"""Options of the whole program that may stand anywhere in the line."""

app = typer.Typer(
    name="leaverwatch",
    help="Protects a company's customers and data when people leave: raw logs in, explained alerts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    callback=inputs.settings,
)
for module in (
    running, processes, inputs, arrivals, grounds, findings, backtesting, searching, models, moving, holds, notifying,
    backing, atrest, accesskey, subjects, users,
):  # fmt: skip
    module.register(app)
hr.register(app)
proved = typer.Typer(help="Evidence that stands up without us.", no_args_is_help=True)
evidence.register(proved)
compliance.register(proved)
proved.add_typer(heads.heads, name="heads")
proved.add_typer(heads.keys, name="keys")
app.add_typer(proved, name="evidence")


def main() -> None:
    """Entry point of the console script. Exit code 0 done, 1 found problems, 2 wrong use."""
    try:
        app(args=lifted(sys.argv[1:]))
    except LeaverwatchError as error:
        typer.echo(f"leaverwatch: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def lifted(arguments: Sequence[str]) -> list[str]:
    """The arguments with the options of the whole program moved to the front."""
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return [*front, *rest, argument, *waiting]
        if argument in EVERYWHERE:
            front += [argument, *([value] if (value := next(waiting, None)) is not None else [])]
        elif argument.startswith(tuple(f"{option}=" for option in EVERYWHERE)):
            front.append(argument)
        else:
            rest.append(argument)
    return [*front, *rest]
