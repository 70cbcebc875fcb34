"""Files about people into the records: employees, resignations and withdrawals, approvals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from app.wiring import House
from core.grounds import ApprovalKind
from ingest.approvals import read_approvals
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


def import_approvals(
    house: House, path: Path, check: bool = False, kind: ApprovalKind = ApprovalKind.APPROVAL
) -> HrImport:
    """Bring approvals in and mark the days they speak for; with `check` only look. One that is changed later without
    saying when counts from now on: what was granted in the past is not widened unseen."""
    accounts = {link.account for link in house.records.links()}
    read = read_approvals(path, kind, house.calendar, accounts)
    known = {(approval.kind, approval.id): approval for approval in house.records.approvals()}
    now = datetime.now(UTC)
    fresh = []
    for approval in read.approvals:
        before = known.get((approval.kind, approval.id))
        same = before is not None and replace(approval, filed=before.filed) == before
        if before is not None and same and approval.filed == approval.since:
            approval = before
        elif before is not None and not same and approval.filed == approval.since:
            approval = replace(approval, filed=max(now, approval.since))
        fresh.append(approval)
    if not check:
        house.records.save_approvals(fresh)
    return HrImport(read.rows, len(read.approvals), read.problems, read.warnings)


def import_folder(house: House, folder: Path) -> list[tuple[Path, HrImport]]:
    """Bring the files about people of a folder in, where they are; returns what became of each."""
    imports: list[tuple[Path, HrImport]] = []
    bringing = {"employees.csv": import_employees, "resignations.csv": import_resignations}
    for name, bring in (bringing | {"approvals.csv": import_approvals}).items():
        path = folder / name
        if path.exists():
            imports.append((path, bring(house, path)))
    return imports
