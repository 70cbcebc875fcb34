"""What a deployment may rely on: commands and their options, configuration, metrics, fields of documents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer.main
from prometheus_client import generate_latest

import app.metrics  # noqa: F401  (registers what the processes tell)
from api.metrics import exposition
from app.cli import app as program
from app.config import Config, load
from app.wiring import open_house
from store.elasticsearch.templates import Names, _events, _quarantine

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
PARTS = ("collect", "worker", "judge", "api")


def runs(arguments: Sequence[str]) -> None:
    """Fails where the command line would not take these arguments."""
    name, *rest = arguments
    command = typer.main.get_command(program).commands[name]  # type: ignore[attr-defined]
    command.make_context(name, rest)


def configured(environment: Mapping[str, str] | None = None, file: Path | None = None) -> Config:
    """The configuration that this file and these variables make. Fails where one of them is no key."""
    variables = {name: value for name, value in (environment or {}).items() if name != "LEAVERWATCH_CONFIG"}
    for name in variables:
        section, _, key = name.removeprefix("LEAVERWATCH_").lower().partition("_")
        assert name == "LEAVERWATCH_DATA" or key in type(getattr(Config(), section)).model_fields, f"{name} is no key"
    return load(file=file, environment=variables)


def metrics(data: Path) -> set[str]:
    """Names that Prometheus knows us by, from the processes and from the API."""
    with open_house(Config(data=data)) as house:
        told = generate_latest().decode() + exposition(house.records, house.events).decode()
    kinds = dict(re.findall(r"^# TYPE (leaverwatch_\w+) (\w+)$", told, re.MULTILINE))
    return {
        name + end
        for name, kind in kinds.items()
        for end in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
    }


def fields() -> Mapping[str, set[str]]:
    """What can be searched for, by the pattern of the indices that have it."""
    names = Names("leaverwatch")
    found = {names.events: _events(), f"{names.quarantine}*": _quarantine()}
    return {
        pattern: {name for name, kind in properties.items() if kind.get("index", kind["type"] != "binary")}
        for pattern, properties in found.items()
    }
