"""Which case is meant, and whom it is about."""

from __future__ import annotations

from app.wiring import House
from core.case import Case
from core.errors import Refused


def case_named(house: House, start: str) -> Case:
    """The case whose id begins so. Raises `Refused` where there is none, or several."""
    found = [case for case in house.records.cases() if case.id.startswith(start)]
    if len(found) != 1:
        raise Refused(f"{len(found)} cases begin with {start}")
    return found[0]


def persons_of(house: House, case: Case) -> list[str]:
    """A case's person, then those of its alerts, which in a crew's case are several."""
    alerts = (house.records.alert(one) for one in case.alerts)
    return list(dict.fromkeys([case.person, *(alert.person for alert in alerts if alert)]))
