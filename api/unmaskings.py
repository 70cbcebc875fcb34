"""Unmaskings as documents, and who may know of which."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from access.lens import Lens
from api.shapes import UnmaskingView
from api.shop import Shop
from core.access import Permission
from core.unmasking import Unmasking

AN_HOUR = timedelta(hours=1)


def may_know(lens: Lens, unmasking: Unmasking) -> bool:
    """Whoever asked for it, and whoever may approve it, of those whom they may look at."""
    own = unmasking.asked_by == lens.caller.name
    return (own or lens.caller.may(Permission.APPROVE_UNMASKING)) and lens.within(unmasking.person)


def in_force(shop: Shop, lens: Lens, *, case: str | None = None, person: str | None = None) -> list[UnmaskingView]:
    """Those in force now that the caller may know of, for a case or of a person."""
    found = shop.records.unmaskings_in_force(datetime.now(UTC), case=case, person=person)
    return [_view(one, lens, True) for one in found if may_know(lens, one)]


def unmasking_views(shop: Shop, lens: Lens, unmaskings: Iterable[Unmasking]) -> list[UnmaskingView]:
    """Unmaskings as documents, in the order given."""
    now = {one.id for one in shop.records.unmaskings_in_force(datetime.now(UTC))}
    return [_view(one, lens, one.id in now) for one in unmaskings]


def _view(one: Unmasking, lens: Lens, in_force: bool) -> UnmaskingView:
    return UnmaskingView(
        id=one.id,
        case=one.case,
        person=lens.pseudonym(one.person),
        purpose=one.purpose,
        reason=one.reason,
        depth=one.depth,
        hours=one.lasts / AN_HOUR,
        asked_by=one.asked_by,
        asked=one.asked,
        state=one.state,
        answered_by=one.answered_by,
        answer=one.answer,
        answered=one.answered,
        until=one.until,
        ended_by=one.ended_by,
        ended=one.ended,
        in_force=in_force,
    )
