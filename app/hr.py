"""HR files into the records: employees, resignations, withdrawals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.wiring import House
from ingest.hr import Problem, read_employees, read_resignations


@dataclass(frozen=True, slots=True)
class HrImport:
    """How many rows a file had, how many were good, what was wrong with the others, and what is odd in good ones."""

    rows: int
    taken: int
    problems: Sequence[Problem]
    warnings: Sequence[Problem]


def import_employees(house: House, path: Path, check: bool = False) -> HrImport:
    """Bring persons and their accounts in; with `check` only look. Bad rows are left out and named."""
    staff = read_employees(path, house.calendar)
    if not check:
        house.records.save_persons(staff.persons, staff.links)
    return HrImport(staff.rows, len(staff.persons), staff.problems, staff.warnings)


def import_resignations(house: House, path: Path, check: bool = False) -> HrImport:
    """Bring filings in and mark the past they make worth another look; with `check` only look."""
    known = {link.account for link in house.records.links()}
    departures = read_resignations(path, house.calendar, known)
    if not check:
        house.records.save_filings(departures.filings, house.config.detection.replay_days)
    return HrImport(departures.rows, len(departures.filings), departures.problems, departures.warnings)


def import_folder(house: House, folder: Path) -> list[tuple[Path, HrImport]]:
    """Bring the HR files of a folder in, where they are; returns what became of each."""
    imports: list[tuple[Path, HrImport]] = []
    for name, bring in (("employees.csv", import_employees), ("resignations.csv", import_resignations)):
        path = folder / name
        if path.exists():
            imports.append((path, bring(house, path)))
    return imports
