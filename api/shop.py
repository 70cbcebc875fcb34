"""What routes work with, and the parameters that many of them take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from access.lens import Lens
from api.desks import ModelDesk, SubjectDesk
from api.looks import Looks
from core.access import Caller
from core.directory import Directory
from core.ports import EventStore, Records
from core.pseudonyms import Pseudonyms
from detection.rulebook import RuleBook

Moment = Annotated[datetime | None, Query(description="RFC 3339; without a zone it is UTC")]


class Shop:
    """What the routes read from; the directory is read afresh for every answer. Without a desk no model is changed."""

    def __init__(
        self,
        records: Records,
        events: EventStore,
        book: RuleBook,
        directory: Callable[[], Directory],
        pseudonyms: Pseudonyms,
        desk: ModelDesk | None = None,
        subjects: SubjectDesk | None = None,
    ) -> None:
        self.records = records
        self.events = events
        self.book = book
        self.directory = directory
        self.pseudonyms = pseudonyms
        self.desk = desk
        self.subjects = subjects
        self.looks = Looks(records)

    def lens(self, caller: Caller) -> Lens:
        """What the caller sees of persons now."""
        return Lens(caller, self.directory(), self.pseudonyms)


def _shop(request: Request) -> Shop:
    shop: Shop = request.app.state.shop
    return shop


InShop = Annotated[Shop, Depends(_shop)]


def utc(moment: datetime | None) -> datetime | None:
    """A moment without a zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
