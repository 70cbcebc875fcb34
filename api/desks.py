"""What the house does for the API that reaches beyond reading and writing records, each a small promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Protocol

from core.drift import Drift
from core.erasing import ErasureRequest
from core.model import RegisteredModel


class ModelDesk(Protocol):
    """Who changes what models do. Each raises `Refused` where that is not to be."""

    def models(self) -> Sequence[RegisteredModel]: ...

    def finding_counts(self) -> Mapping[str, int]: ...

    def drift(self) -> Drift | None: ...

    def shadow(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def promote(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def rollback(self, *, by: str, why: str) -> RegisteredModel: ...


class SubjectDesk(Protocol):
    """Who answers people who ask what is held about them, or that it be erased."""

    def answer(self, person: str, *, by: str) -> IO[bytes]:
        """A zip file with everything, at its start; whoever reads it closes it, and it is gone. Raises `Refused` where
        nothing is held."""

    def ask_to_erase(self, person: str, *, reason: str, by: str) -> ErasureRequest:
        """Raises `Refused` where what is held has to stay."""

    def erase(self, request: str, *, by: str) -> ErasureRequest:
        """Carry out what somebody else asked for. Raises `Refused`."""
