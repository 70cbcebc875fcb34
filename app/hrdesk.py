"""What HR files over the API, and what HR is told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from app.hr import import_employees, import_resignations
from app.notices import POLICY, known_of, suggested
from app.wiring import House
from cases.notices import draft
from core.case import Case
from core.notice import Notice, Step
from core.person import Filing
from ingest.hr import HrImport, Upload


class HrDesk:
    """Adapter of `api.desks.HrDesk`."""

    def __init__(self, house: House) -> None:
        self._house = house

    @property
    def inactive_is_departure(self) -> bool:
        return self._house.config.hr.scim_inactive_is_departure

    def file(self, filings: Sequence[Filing], by: str) -> None:
        self._house.records.save_filings(filings, self._house.config.detection.replay_days, by)

    def import_leavers(self, data: bytes, accounts: Collection[str], *, by: str, check: bool) -> HrImport:
        return import_resignations(self._house, Upload(data), check, by, accounts)

    def import_people(self, data: bytes, *, by: str, check: bool) -> HrImport:
        return import_employees(self._house, Upload(data), check, by)

    def draft(self, case: Case, steps: Collection[Step], by: str, at: datetime) -> Notice:
        (known,) = known_of(self._house, [case], self._house.directory(), at)
        nth = len(self._house.records.notices(cases=[case.id]))
        return draft(known, by=by, at=at, calendar=self._house.calendar, nth=nth, steps=steps)

    def suggestions(self, at: datetime) -> Sequence[Notice]:
        calendar = self._house.calendar
        return [draft(known, by=POLICY, at=at, calendar=calendar) for known in suggested(self._house, at)]
