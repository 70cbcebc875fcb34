"""Files about people into the records: employees, resignations and withdrawals, approvals, incidents."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from app.wiring import House
from core.directory import ALWAYS
from core.grounds import Approval, ApprovalKind
from ingest.approvals import read_approvals
from ingest.hr import HrImport, Upload, read_employees, read_resignations
from ingest.incidents import read_incidents


def import_employees(house: House, path: Path | Upload, check: bool = False, by: str = "leaverwatch") -> HrImport:
    """Bring persons and their accounts in; with `check` only look. Bad rows are left out and named."""
    staff = read_employees(path, house.calendar)
    if not check:
        house.records.save_persons(staff.persons, staff.links, by)
    return HrImport(staff.rows, len(staff.persons), staff.problems, staff.warnings)


def import_resignations(
    house: House,
    path: Path | Upload,
    check: bool = False,
    by: str = "leaverwatch",
    only: Collection[str] | None = None,
) -> HrImport:
    """Bring filings in and mark the past they make worth another look; with `check` only look. Given accounts, `only`
    of those anything may be filed, and nothing of the future."""
    known = {link.account for link in house.records.links()} if only is None else only
    until = None if only is None else datetime.now(UTC)
    departures = read_resignations(path, house.calendar, known, until)
    if not check:
        house.records.save_filings(departures.filings, house.config.detection.replay_days, by)
    return HrImport(departures.rows, len(departures.filings), departures.problems, departures.warnings)


def import_approvals(
    house: House, path: Path, check: bool = False, kind: ApprovalKind = ApprovalKind.APPROVAL
) -> HrImport:
    """Bring approvals in and mark the days they speak for; with `check` only look. One that is changed later without
    saying when counts from now on: what was granted in the past is not widened unseen."""
    accounts = {link.account for link in house.records.links()}
    read = read_approvals(path, kind, house.calendar, accounts)
    known = {(approval.kind, approval.id): approval for approval in house.records.approvals()}
    fresh = [_as_known(approval, known.get((approval.kind, approval.id))) for approval in read.approvals]
    if not check:
        house.records.save_approvals(fresh)
    return HrImport(read.rows, len(read.approvals), read.problems, read.warnings)


def import_incidents(house: House, path: Path, check: bool = False) -> HrImport:
    """Bring incidents of the past in, for models to learn from; with `check` only look. They change no alert."""
    known = {link.account for link in house.records.links()}
    now = max(datetime.now(UTC), house.events.newest() or ALWAYS)
    past = read_incidents(path, house.calendar, known, house.calendar.day_of(now))
    if not check:
        house.records.save_incidents(past.incidents)
    return HrImport(past.rows, len(past.incidents), past.problems, past.warnings)


def _as_known(approval: Approval, before: Approval | None) -> Approval:
    """An approval that does not say when it was given, by what is known of it."""
    if before is None or approval.filed != approval.since:
        return approval
    same = replace(approval, filed=before.filed) == before
    return before if same else replace(approval, filed=max(datetime.now(UTC), approval.since))


def import_folder(house: House, folder: Path) -> list[tuple[Path, HrImport]]:
    """Bring the files about people of a folder in, where they are; returns what became of each."""
    imports: list[tuple[Path, HrImport]] = []
    for name, bring in IN_FOLDER.items():
        path = folder / name
        if path.exists():
            imports.append((path, bring(house, path)))
    return imports


IN_FOLDER: Mapping[str, Callable[[House, Path], HrImport]] = {
    "employees.csv": import_employees,
    "resignations.csv": import_resignations,
    "approvals.csv": import_approvals,
    "changes.csv": partial(import_approvals, kind=ApprovalKind.CHANGE),
    "handovers.csv": partial(import_approvals, kind=ApprovalKind.HANDOVER),
}
"""The files about people by their names, in the order in which they are brought in."""
