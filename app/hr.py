"""HR files into the records: employees, resignations, withdrawals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.wiring import House
from ingest.hr import Problem, read_employees, read_resignations


@dataclass(frozen=True, slots=True)
class HrImport:
    """How many rows a file had, how many were good, and what was wrong with the others."""

    rows: int
    taken: int
    problems: Sequence[Problem]


def import_employees(house: House, path: Path, check: bool = False) -> HrImport:
    """Bring persons and their accounts in; with `check` only look. Bad rows are left out and named."""
    staff = read_employees(path, house.calendar)
    if not check:
        house.records.save_persons(staff.persons, staff.links)
    return HrImport(staff.rows, len(staff.persons), staff.problems)


def import_resignations(house: House, path: Path, check: bool = False) -> HrImport:
    """Bring filings in and mark the past they make worth another look; with `check` only look."""
    departures = read_resignations(path, house.calendar)
    if not check:
        house.records.save_filings(departures.filings, house.config.detection.replay_days)
    return HrImport(departures.rows, len(departures.filings), departures.problems)


def import_folder(house: House, folder: Path) -> list[tuple[Path, Problem]]:
    """Bring the HR files of a folder in, where they are; returns what was wrong, by file."""
    problems: list[tuple[Path, Problem]] = []
    for name, bring in (("employees.csv", import_employees), ("resignations.csv", import_resignations)):
        path = folder / name
        if path.exists():
            problems += [(path, problem) for problem in bring(house, path).problems]
    return problems
