"""Exceptions that decisions speak for, as the API files them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from app.grounds import add_exception, suggested
from app.wiring import House
from core.case import Case
from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.grounds import RuleException, Suggestion
from core.triage import Step


class ExceptionDesk:
    """Adapter of `api.desks.ExceptionDesk`."""

    def __init__(self, house: House) -> None:
        self._house = house

    def suggested(self, case: Case) -> Sequence[Suggestion]:
        ideas = suggested(self._house, datetime.now(UTC), case.person)
        return [idea for idea in ideas if idea.case == case.id]

    def file(self, case: Case, rule: str, *, by: str, reason: str, expires: datetime) -> RuleException:
        if not any(idea.rule == rule for idea in self.suggested(case)):
            raise Refused(f"this case speaks for no exception from {rule}")
        now = datetime.now(UTC)
        wanted = RuleException(
            id="",
            rule=rule,
            person=case.person,
            reason=reason,
            owner=by,
            since=now,
            expires=expires,
            filed=now,
        )
        about, details = (case.person, case.id), {"step": Step.EXCEPTED.value, "rule": rule}
        noted = AuditEntry(at=now, by=by, deed=Deed.WORKED, about=about, why=reason, details=details)
        return add_exception(self._house, wanted, noted)
