"""Models as the API puts them to work. What learning needs is loaded only when a model is promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO

from app.wiring import House, open_house
from core.access import Caller
from core.drift import Drift, kept
from core.model import RegisteredModel
from core.subjects import Right, SubjectRequest
from models.registry import Registry


class ModelDesk:
    """Adapter of `api.desks.ModelDesk`."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._registry = Registry(house.config.data / "models", house.records)

    def models(self) -> Sequence[RegisteredModel]:
        return self._registry.models()

    def finding_counts(self) -> Mapping[str, int]:
        return self._house.records.finding_counts()

    def drift(self) -> Drift | None:
        return kept(self._house.records)

    def shadow(self, model: str, *, by: str, why: str) -> RegisteredModel:
        return self._registry.shadow(model, by=by, why=why)

    def promote(self, model: str, *, by: str, why: str) -> RegisteredModel:
        from app.modelling import promote

        return promote(self._house, model, by=by, why=why)

    def rollback(self, *, by: str, why: str) -> RegisteredModel:
        return self._registry.rollback(by=by, why=why)


class SubjectDesk:
    """Adapter of `api.desks.SubjectDesk`."""

    def __init__(self, house: House) -> None:
        self._house = house

    def ask(self, person: str, right: Right, *, reason: str, by: str) -> SubjectRequest:
        from app.subjects import ask

        return ask(self._house, person, right, reason=reason, by=by)

    def hand_over(self, request: str, *, by: Caller) -> IO[bytes]:
        from app.answering import hand_over

        return hand_over(self._house, request, by=by.name, employee=by.person)

    def erase(self, request: str, *, by: Caller) -> SubjectRequest:
        from app.erasing import erase

        # In a house of its own, so that the lock of who writes events does not outlast it.
        with open_house(self._house.config) as house:
            return erase(house, request, by=by.name, employee=by.person)
