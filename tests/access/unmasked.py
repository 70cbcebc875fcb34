"""Unmaskings in force, as lenses are given them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from core.access import Depth
from core.unmasking import Purpose, Unmasking, UnmaskingState

AT = datetime(2026, 3, 2, tzinfo=UTC)


def unmasked(persons: Mapping[str, Depth]) -> list[Unmasking]:
    """One for each person."""
    return [
        Unmasking(
            id=f"unmasking of {person}",
            case="case",
            person=person,
            purpose=Purpose.INVESTIGATE,
            reason="mass export",
            depth=depth,
            lasts=timedelta(hours=8),
            asked_by="a",
            employee="",
            asked=AT,
            state=UnmaskingState.GRANTED,
            until=AT + timedelta(hours=8),
        )
        for person, depth in persons.items()
    ]
