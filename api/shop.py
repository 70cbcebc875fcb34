"""What routes work with, and the parameters that many of them take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from access.lens import Lens
from access.permissions import sees_every_case
from api.desks import (
    Colleagues,
    ExceptionDesk,
    HrDesk,
    ModelDesk,
    NotifyDesk,
    SubjectDesk,
)
from api.entrance import Entrance
from api.known import Known
from api.looks import Looks
from api.problems import not_found
from core.access import Caller, Permission
from core.case import Case
from core.directory import Directory
from core.errors import BadQuery
from core.listing import Whose
from core.ports import EventStore, Records
from core.pseudonyms import Pseudonyms
from core.unmasking import Unmasking
from detection.rulebook import RuleBook

Moment = Annotated[datetime | None, Query(description="RFC 3339; without a zone it is UTC")]


class Shop:
    """What the routes read from; `directory` gives the one as of now. Without a desk no model is changed, without HR's
    nothing is filed, without that of notifications nobody is told; without `exceptions` none are suggested; without
    `colleagues` everybody works alone; without an entrance nobody logs in."""

    def __init__(
        self,
        records: Records,
        events: EventStore,
        book: RuleBook,
        directory: Callable[[], Directory],
        pseudonyms: Pseudonyms,
        desk: ModelDesk | None = None,
        hr: HrDesk | None = None,
        notify: NotifyDesk | None = None,
        entrance: Entrance | None = None,
        exceptions: ExceptionDesk | None = None,
        colleagues: Colleagues | None = None,
        subjects: SubjectDesk | None = None,
    ) -> None:
        self.records = records
        self.events = events
        self.book = book
        self.directory = directory
        self.pseudonyms = pseudonyms
        self.desk = desk
        self.hr = hr
        self.notify = notify
        self.entrance = entrance
        self.exceptions = exceptions
        self.colleagues = colleagues
        self.subjects = subjects
        self.looks = Looks(records)
        self._known: Known | None = None

    def lens(self, caller: Caller) -> Lens:
        """What the caller sees of persons now."""
        known = self.known()
        return Lens(caller, known.directory, self.pseudonyms, self._unmasked(caller), known.person)

    def known(self) -> Known:
        """What follows from who is who now."""
        directory, known = self.directory(), self._known
        if known is None or known.directory is not directory:
            self._known = known = Known(directory, self.pseudonyms)
        return known

    def whose(self, lens: Lens) -> Whose:
        """Everybody whom the caller may look at, as lists are asked for."""
        known = self._known
        return known.whose(lens) if known and known.directory is lens.directory else lens.whose()

    def _unmasked(self, caller: Caller) -> Sequence[Unmasking]:
        """The caller's unmaskings in force now."""
        if not caller.may(Permission.ASK_TO_UNMASK):
            return ()
        return self.records.unmaskings_in_force(datetime.now(UTC), caller.name)

    def sees(self, lens: Lens, case: Case) -> bool:
        """Whether the caller may know of the case."""
        return lens.within(case.person) and (sees_every_case(lens.caller) or bool(self.records.handed_over([case.id])))

    def case(self, lens: Lens, case_id: str) -> Case:
        """The case of this id. Ends the request where there is none that the caller may know of."""
        found = self.records.case(case_id)
        if found is None or not self.sees(lens, found):
            raise not_found("case")
        return found


async def _shop(request: Request) -> Shop:  # not worth a thread
    shop: Shop = request.app.state.shop
    return shop


InShop = Annotated[Shop, Depends(_shop)]


def utc(moment: datetime | None) -> datetime | None:
    """The moment in UTC, as which one without a zone is taken. Raises `BadQuery`."""
    try:
        return moment and (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))
    except OverflowError:
        raise BadQuery("moments lie in the years 1 to 9999") from None


def now() -> datetime:
    return datetime.now(UTC)
