"""Persons, by risk."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter

from api.caller import needs
from api.paging import After, Limit, Page, bad_cursor, moment_in, page, place
from api.problems import answers
from api.reading import ranked, risk_rows
from api.shapes import RiskView
from api.shop import InShop, Moment, Shop, utc
from api.views import data_clock
from core.access import Caller, Permission
from core.directory import NEVER
from core.standing import Rank

router = APIRouter(prefix="/api/v1/persons", tags=["persons"], responses=answers(401, 403, 422, 503))
LATEST = NEVER - timedelta(days=1)


@router.get("", operation_id="list_persons_by_risk")
def list_persons(
    shop: InShop,
    at: Moment = None,
    limit: Limit = 50,
    after: After = None,
    caller: Caller = needs(Permission.READ_PERSONS),
) -> Page[RiskView]:
    """Persons by risk as of `at` (default: the newest event or alert; on later pages that of the first), highest first,
    each with the strongest terms of the ledger. Where many have had alerts since `at`, an answer takes longer, and only
    one request at a time is given one."""
    lens = shop.lens(caller)
    before = _place(shop, after)
    moment = before[0] if before else min(utc(at) or data_clock(shop.records, shop.events), LATEST)
    found = ranked(shop.records, moment, shop.whose(lens), before[1] if before else None, limit + 1)
    shown, following = page(found, limit, lambda one: (moment.isoformat(), one.depth, shop.pseudonyms(one.person)))
    shop.looks.note(caller, "persons", (one.person for one in shown))
    return Page(items=risk_rows(shown, lens.directory, moment), next=following)


def _place(shop: Shop, after: str | None) -> tuple[datetime, Rank] | None:
    """As of when the page before was, and who stood last on it, whom the cursor names by pseudonym."""
    key = place(after, (str, float, str))
    if key is None:
        return None
    moment, depth, pseudonym = key
    person = shop.known().person(str(pseudonym))
    if person is None:
        raise bad_cursor()
    return min(moment_in(str(moment)), LATEST), (float(depth), person)
