"""What the house does for the API that reaches beyond reading and writing records, each a small promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from core.access import Caller
from core.case import Case
from core.drift import Drift
from core.grounds import RuleException, Suggestion
from core.model import RegisteredModel


class ModelDesk(Protocol):
    """Who changes what models do. Each raises `Refused` where that is not to be."""

    def models(self) -> Sequence[RegisteredModel]: ...

    def finding_counts(self) -> Mapping[str, int]: ...

    def drift(self) -> Drift | None: ...

    def shadow(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def promote(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def rollback(self, *, by: str, why: str) -> RegisteredModel: ...


class ExceptionDesk(Protocol):
    """Who knows which exceptions decisions speak for."""

    def suggested(self, case: Case) -> Sequence[Suggestion]:
        """What a benign case speaks for, by rule; nothing of another one."""

    def file(self, case: Case, rule: str, *, by: str, reason: str, expires: datetime) -> RuleException:
        """Enter an exception for the case's person, from now on. Raises `Refused` where it is not suggested."""


class Colleagues(Protocol):
    """Who else works here."""

    def colleague(self, name: str) -> Caller | None:
        """What the user of this name may do and see; none where there is no such user who may come in."""
