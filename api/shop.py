"""What routes work with, and the parameters that many of them take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from access.lens import Lens
from access.permissions import sees_every_case
from access.unmasking import depths
from api.desks import ModelDesk
from api.looks import Looks
from core.access import Caller, Permission
from core.case import Case
from core.directory import Directory
from core.errors import BadQuery
from core.ports import EventStore, Records
from core.pseudonyms import Pseudonyms
from core.unmasking import Unmasking
from detection.rulebook import RuleBook

Moment = Annotated[datetime | None, Query(description="RFC 3339; without a zone it is UTC")]


class Shop:
    """What the routes read from; the directory is read afresh for every answer. Without a desk no model is changed.
    `handed_over` says whether a case was handed over to legal, who see no others."""

    def __init__(
        self,
        records: Records,
        events: EventStore,
        book: RuleBook,
        directory: Callable[[], Directory],
        pseudonyms: Pseudonyms,
        desk: ModelDesk | None = None,
        handed_over: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.records = records
        self.events = events
        self.book = book
        self.directory = directory
        self.pseudonyms = pseudonyms
        self.desk = desk
        self.handed_over = handed_over
        self.looks = Looks(records, self.unmasked)

    def lens(self, caller: Caller) -> Lens:
        """What the caller sees of persons now."""
        return Lens(caller, self.directory(), self.pseudonyms, depths(self.unmasked(caller)))

    def unmasked(self, caller: Caller) -> Sequence[Unmasking]:
        """The caller's unmaskings in force now."""
        if not caller.may(Permission.ASK_TO_UNMASK):
            return ()
        return self.records.unmaskings_in_force(datetime.now(UTC), caller.name)

    def sees(self, lens: Lens, case: Case) -> bool:
        """Whether the caller may know of the case."""
        return lens.within(case.person) and (sees_every_case(lens.caller) or self.handed_over(case.id))


def _shop(request: Request) -> Shop:
    shop: Shop = request.app.state.shop
    return shop


InShop = Annotated[Shop, Depends(_shop)]


def utc(moment: datetime | None) -> datetime | None:
    """A moment without a zone is taken as UTC. Raises `BadQuery` for one that UTC has no word for."""
    try:
        return moment and (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError:
        raise BadQuery("times lie in the years 1 to 9999") from None
