"""What the house does for the API that reaches beyond reading and writing records, each a small promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from access.arrivals import Arrived
from core.drift import Drift
from core.model import RegisteredModel


class ModelDesk(Protocol):
    """Who changes what models do. Each raises `Refused` where that is not to be."""

    def models(self) -> Sequence[RegisteredModel]: ...

    def finding_counts(self) -> Mapping[str, int]: ...

    def drift(self) -> Drift | None: ...

    def shadow(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def promote(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def rollback(self, *, by: str, why: str) -> RegisteredModel: ...


class ProviderDesk(Protocol):
    """Who speaks to the identity providers. Each raises `Unavailable` where one does not answer."""

    def names(self) -> Sequence[str]: ...

    def begin(self, provider: str) -> tuple[str, str]:
        """Where to send a browser that wants to log in there, and what it has to bring back, which says nothing to
        whoever reads it."""

    def finish(self, provider: str, kept: str, answer: Mapping[str, str]) -> Arrived:
        """Who came back from there, by what the browser kept and the parameters it was sent back with. Raises `Refused`
        where that does not fit together."""
