"""Persons, by risk, and one by one."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel

from api.caller import needs
from api.masking import identity
from api.paging import After, Limit, Page, bad_cursor, moment_in, page, place
from api.problems import answers
from api.reading import A_MOMENT, ranked, risk_rows, stage_of, standing_of
from api.routes.alerts import named
from api.routing import Router
from api.shapes import AlertView, CaseView, IdentityView, Language, RiskView, TermView, UnmaskingView
from api.shop import InShop, Moment, Shop, utc
from api.unmaskings import in_force
from api.views import alert_views, case_views, data_clock, term_views
from core.access import Caller, Permission
from core.directory import NEVER
from core.listing import EVERYBODY, AlertQuery, CaseQuery
from core.standing import Rank
from detection.risk import sum_of
from detection.standing import LEDGER, ledger_of

router = Router(prefix="/api/v1/persons", tags=["persons"], responses=answers(401, 403, 422, 503))
LATEST = NEVER - timedelta(days=1)
MOST = LEDGER


class PersonDetail(BaseModel):
    """A person: the stage and score at the newest event, the terms adding up to the score (of more than 25 alerts the
    weakest in one term, `others`), the newest alerts and cases (25 of each at most), oldest first, the sources in which
    accounts of theirs were seen, and the unmaskings in force that the caller may know of."""

    person: str
    identity: IdentityView | None
    stage: str
    score: float
    terms: list[TermView]
    alerts: list[AlertView]
    cases: list[CaseView]
    sources: list[str]
    unmaskings: list[UnmaskingView]


@router.get("", operation_id="list_persons_by_risk")
def list_persons(
    shop: InShop,
    at: Moment = None,
    limit: Limit = 25,
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
    shop.looks.note(lens, "persons", (one.person for one in shown))
    return Page(items=risk_rows(shown, lens, moment), next=following)


@router.get("/{pseudonym}", operation_id="get_person", responses=answers(404))
def get_person(
    shop: InShop, pseudonym: str, lang: Language = "en", caller: Caller = needs(Permission.READ_PERSONS)
) -> PersonDetail:
    """One person, by pseudonym."""
    lens = shop.lens(caller)
    person = named(lens, pseudonym)
    moment = min(data_clock(shop.records, shop.events), LATEST)
    cases = shop.records.case_page(CaseQuery(limit=MOST, whose=shop.whose(lens), about=person, newest=True))[::-1]
    cases = [case for case in cases if shop.sees(lens, case)]
    shop.looks.note(lens, "person", (person, *(case.id for case in cases), *(case.person for case in cases)))
    standing = standing_of(shop.records, person, moment)
    terms = ledger_of(standing, moment) if standing else ()
    stage = stage_of(standing, lens.directory, moment) if standing else lens.directory.stage(person, moment)
    raised = AlertQuery(limit=MOST, whose=EVERYBODY.those_of(person), until=moment + A_MOMENT, newest=True)
    alerts = shop.records.alert_page(raised)[::-1]
    return PersonDetail(
        person=pseudonym,
        identity=identity(lens, person),
        stage=stage.value,
        score=sum_of(terms),
        terms=term_views(terms),
        alerts=alert_views(alerts, shop.records, None, lens, shop.book, lang),
        cases=case_views(cases, shop.records, lens),
        sources=list(shop.records.sources_of(lens.directory.accounts_of([f"person:{person}"]))),
        unmaskings=in_force(shop, lens, person=person),
    )


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
