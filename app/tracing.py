"""Whose copy a file is: an export's bundle, pages of a report, or records that were taken out of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.exporting import COPIES, watermark_key
from app.wiring import House
from core.errors import Refused
from core.evidence import AuditEntry, Deed
from evidence.tracing import find_mark
from evidence.verify import Bundle
from evidence.watermark import code_of, had, ids_in

LARGEST_MARKED = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """An export that a file is of: of a case, or a compliance report, which has none. `sure`: its watermark says so;
    otherwise the export had all the `records` in it."""

    number: int | str
    case: str
    recipient: str
    at: str
    by: str
    purpose: str
    sure: bool
    records: int = 0


def trace(house: House, file: Path, by: str) -> list[Traced]:
    """The exports that a file can be of: one, where it has the mark of an export. That somebody asked is noted. Raises
    `Refused` where there is nothing in it to go by."""
    copies = [entry for entry in house.records.audited() if entry.deed is Deed.EXPORTED]
    found = _by_record(house, file, copies) or _by_mark(file, copies) or _by_places(house, file, copies)
    about = sorted({subject for entry in copies if entry.details["number"] in {one.number for one in found}
                    for subject in entry.about[:1]})  # fmt: skip
    details = {"exports": [one.number for one in found]}
    house.records.note(AuditEntry(at=datetime.now(UTC), by=by, deed=Deed.TRACED, about=about, details=details))
    return found


def by_code(copies: Sequence[AuditEntry], code: str) -> list[Traced]:
    """The export with this watermark."""
    return [_traced(entry, sure=True) for entry in copies if entry.details["code"] == code]


def _by_record(house: House, file: Path, copies: Sequence[AuditEntry]) -> list[Traced]:
    record = _record(file)
    if record is None:
        return []
    code, key = str(record.get("code")), watermark_key(house)
    found = by_code(copies, code)
    return [one for one in found if code_of(key, one.case, one.recipient, int(one.number)) == code]


def _record(file: Path) -> dict[str, object] | None:
    """The export record of a bundle, unpacked or not; None of anything else, and of what lost it."""
    bundle = Bundle(str(file), print)
    try:
        bundle.open()
        found = json.loads(bundle.read("data/export.json"))
    except Exception:  # whatever it is, it is no bundle
        return None
    return found if isinstance(found, dict) else None


def _by_mark(file: Path, copies: Sequence[AuditEntry]) -> list[Traced]:
    """The copy whose mark the file bears. What is too large to be a report is not looked through for one."""
    if file.is_dir() or file.stat().st_size > LARGEST_MARKED:
        return []
    code = find_mark(file.read_bytes())
    return by_code(copies, code) if code else []


def _by_places(house: House, file: Path, copies: Sequence[AuditEntry]) -> list[Traced]:
    if file.is_dir():
        raise Refused(f"{file} is no bundle of ours")
    ids = ids_in(file)
    places = [placed.index for placed in house.records.placed(ids).values()] if ids else []
    if not places:
        raise Refused(f"nothing in {file} tells where it comes from: no mark of an export, no record of this ledger")
    folder = house.config.data / COPIES
    of_cases = (entry for entry in copies if entry.about)
    had_them = [entry for entry in of_cases if had(folder / f"{entry.details['number']:06}", places)]
    return [_traced(entry, sure=False, records=len(places)) for entry in had_them]


def _traced(entry: AuditEntry, *, sure: bool, records: int = 0) -> Traced:
    details = entry.details
    return Traced(
        number=details["number"],
        case=next(iter(entry.about), ""),
        recipient=details["recipient"],
        at=details["at"],
        by=entry.by,
        purpose=entry.why,
        sure=sure,
        records=records,
    )
