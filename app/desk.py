"""Models as the API puts them to work. What learning needs is loaded only when a model is promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO
from uuid import uuid4

from app.wiring import House, open_house
from core.drift import Drift, kept
from core.erasing import ErasureRequest
from core.model import RegisteredModel
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

    def answer(self, person: str, *, by: str) -> IO[bytes]:
        from app.answering import answer

        out = self._house.config.data / f".answer-{uuid4().hex}.zip"
        try:
            answer(self._house, person, out, by=by)
            return out.open("rb")
        finally:
            out.unlink(missing_ok=True)

    def ask_to_erase(self, person: str, *, reason: str, by: str) -> ErasureRequest:
        from app.erasing import ask_to_erase

        return ask_to_erase(self._house, person, reason=reason, by=by)

    def erase(self, request: str, *, by: str) -> ErasureRequest:
        from app.erasing import erase

        # In a house of its own, so that the lock of who writes events does not outlast it.
        with open_house(self._house.config) as house:
            return erase(house, request, by=by)
