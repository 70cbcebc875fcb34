"""What is wrong with an installation, each finding in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from app.wiring import House
from core.errors import LeaverwatchError


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and its outcome."""

    check: str
    ok: bool
    text: str


def examine(house: House) -> list[Finding]:
    """Every check, in the order data goes."""
    return [_rules(house), _events(house), _marks(house), *_sources(house)]


def _rules(house: House) -> Finding:
    try:
        return Finding("rules", True, f"{len(house.book.rules)} rules loaded")
    except LeaverwatchError as error:
        return Finding("rules", False, str(error))


def _events(house: House) -> Finding:
    problems = house.events.problems()
    if problems:
        return Finding("events", False, "; ".join(problems))
    return Finding("events", True, f"{house.events.count():,} events stored, every segment readable")


def _marks(house: House) -> Finding:
    waiting = len(house.records.pending())
    if waiting:
        return Finding("judging", False, f"{waiting} accounts wait to be judged; an import was cut short, run it again")
    return Finding("judging", True, "everything stored has been judged")


def _sources(house: House) -> list[Finding]:
    found = []
    for status in house.events.sources():
        losses = f", {status.quarantined:,} records in quarantine" if status.quarantined else ""
        text = f"{status.events:,} events, last {status.last_event}{losses}"
        found.append(Finding(f"source {status.source}", not status.quarantined, text))
    return found or [Finding("sources", False, "nothing has been imported yet")]
