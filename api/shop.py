"""What routes work with, and the parameters that many of them take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from access.lens import Lens
from api.desks import HrDesk, Judging, ModelDesk, NotifyDesk
from api.entrance import Entrance
from api.known import Known
from api.looks import Looks
from core.access import Caller
from core.directory import Directory
from core.errors import BadQuery
from core.listing import Whose
from core.ports import EventStore, Records
from core.pseudonyms import Pseudonyms
from detection.rulebook import RuleBook

Moment = Annotated[datetime | None, Query(description="RFC 3339; without a zone it is UTC")]


class Shop:
    """What the routes read from; `directory` gives the one as of now. Without a desk no model is changed, without HR's
    nothing is filed, without that of notifications nobody is told; without a judge another process judges; without an
    entrance nobody logs in."""

    def __init__(
        self,
        records: Records,
        events: EventStore,
        book: RuleBook,
        directory: Callable[[], Directory],
        pseudonyms: Pseudonyms,
        desk: ModelDesk | None = None,
        hr: HrDesk | None = None,
        judge: Judging | None = None,
        notify: NotifyDesk | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        self.records = records
        self.events = events
        self.book = book
        self.directory = directory
        self.pseudonyms = pseudonyms
        self.desk = desk
        self.hr = hr
        self.judge = judge
        self.notify = notify
        self.entrance = entrance
        self.looks = Looks(records)
        self._known: Known | None = None

    def lens(self, caller: Caller) -> Lens:
        """What the caller sees of persons now."""
        known = self.known()
        return Lens(caller, known.directory, self.pseudonyms, person_of=known.person)

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


def _shop(request: Request) -> Shop:
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
