"""What the house does for the API that reaches beyond reading and writing records, each a small promise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import IO, Protocol

from access.arrivals import Arrived
from core.access import Caller
from core.action import Action
from core.case import Case
from core.deadline import Deadline
from core.drift import Drift
from core.grounds import RuleException, Suggestion
from core.model import RegisteredModel
from core.notice import Notice, Step
from core.notifying import Channel, ChannelChange, ChannelKind, Staff
from core.person import Filing
from core.subjects import Right, SubjectRequest
from ingest.hr import HrImport


class ModelDesk(Protocol):
    """Who changes what models do. Each raises `Refused` where that is not to be."""

    def models(self) -> Sequence[RegisteredModel]: ...

    def finding_counts(self) -> Mapping[str, int]: ...

    def drift(self) -> Drift | None: ...

    def shadow(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def promote(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def rollback(self, *, by: str, why: str) -> RegisteredModel: ...


class HrDesk(Protocol):
    """What HR files, and what HR is told."""

    @property
    def inactive_is_departure(self) -> bool:
        """Whether who is no longer active in HR's system has left."""

    def file(self, filings: Sequence[Filing], by: str) -> None: ...

    def import_leavers(self, data: bytes, accounts: Collection[str], *, by: str, check: bool) -> HrImport:
        """A file of resignations and withdrawals of those who have these accounts; with `check` only looked at. Raises
        `Refused`."""

    def import_people(self, data: bytes, *, by: str, check: bool) -> HrImport:
        """A file of employees; with `check` only looked at. Raises `Refused`."""

    def draft(self, case: Case, steps: Collection[Step], by: str, at: datetime) -> Notice:
        """What would be sent of a case now. Raises `Refused` where nothing would."""

    def suggestions(self, at: datetime) -> Sequence[Notice]:
        """What the company's policy would have sent, the strongest case first."""


class NotifyDesk(Protocol):
    """Who knows the secrets of channels, and where people reach the service."""

    base_url: str
    staff: Staff

    def make_channel(self, name: str, kind: ChannelKind, change: ChannelChange, *, by: str) -> tuple[Channel, str]:
        """A new channel, and the secret of a webhook, which nobody is ever told again. Raises `Refused`."""

    def change_channel(self, channel: Channel, change: ChannelChange, *, by: str) -> Channel:
        """Raises `Refused`."""

    def rotate(self, channel: Channel, overlap: timedelta, *, by: str) -> str:
        """A webhook's new secret; the old one signs too for a while. Raises `Refused` where there is none."""

    def try_channel(self, channel: Channel, *, by: str) -> None:
        """Send something harmless now. Raises `Refused`, `Unavailable`."""

    def is_result(self, action: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether this was signed by the webhook that the action was sent to."""

    def is_automatic(self, action: Action) -> bool:
        """Whether the configuration lets it run without anybody's approval."""

    def deadlines(self, caller: Caller) -> Sequence[Deadline]:
        """What somebody has to do by when."""


class ProviderDesk(Protocol):
    """Who speaks to the identity providers. Each raises `Unavailable` where one does not answer."""

    def names(self) -> Sequence[str]: ...

    def begin(self, provider: str) -> tuple[str, str]:
        """Where to send a browser that wants to log in there, and what it has to bring back, which says nothing to
        whoever reads it."""

    def finish(self, provider: str, kept: str, answer: Mapping[str, str]) -> Arrived:
        """Who came back from there, by what the browser kept and the parameters it was sent back with. Raises `Refused`
        where that does not fit together."""


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


class SubjectDesk(Protocol):
    """Who answers people who ask what is held about them, or that it be erased."""

    def ask(self, person: str, right: Right, *, reason: str, by: str) -> SubjectRequest:
        """Raises `Refused` where nothing is held, or what is to be erased has to stay."""

    def hand_over(self, request: str, *, by: Caller) -> IO[bytes]:
        """Carry out what somebody else asked for: a zip file with everything, at its start; whoever reads it closes it,
        and it is gone. Raises `Refused`."""

    def erase(self, request: str, *, by: Caller) -> SubjectRequest:
        """Carry out what somebody else asked for. Raises `Refused`."""
