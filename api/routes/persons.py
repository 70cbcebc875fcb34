"""Persons, by risk, and one by one."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from api.caller import needs
from api.masking import identity
from api.problems import answers, not_found
from api.routes.alerts import Limit, Offset
from api.shapes import AlertView, CaseView, IdentityView, Language, RiskView, TermView, UnmaskingView
from api.shop import InShop, Moment, utc
from api.unmaskings import in_force
from api.views import alert_views, case_views, cases_of, data_clock, ranked, risk_views, sources_of
from core.access import Caller, Permission

MOST_ALERTS = 200
router = APIRouter(prefix="/api/v1/persons", tags=["persons"], responses=answers(401, 403, 503))


class PersonDetail(BaseModel):
    """A person: the stage and score at the newest event, the terms adding up to the score, the newest alerts (200 at
    most) and all cases, oldest first, the sources in which accounts of theirs were seen, and the unmaskings in force
    that the caller may know of."""

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
    limit: Limit = 100,
    offset: Offset = 0,
    caller: Caller = needs(Permission.READ_PERSONS),
) -> list[RiskView]:
    """Persons by risk as of `at` (default: the newest event or alert), highest first."""
    lens = shop.lens(caller)
    moment = utc(at) or data_clock(shop.records, shop.events)
    alerts = (alert for alert in shop.records.alerts() if lens.within(alert.person))
    found = ranked(alerts, lens, moment, slice(offset, offset + limit))
    shop.looks.note(caller, "persons", found)
    return risk_views(found, shop.events, lens, shop.book, moment)


@router.get("/{pseudonym}", operation_id="get_person", responses=answers(404))
def get_person(
    shop: InShop, pseudonym: str, lang: Language = "en", caller: Caller = needs(Permission.READ_PERSONS)
) -> PersonDetail:
    """One person, by pseudonym."""
    lens = shop.lens(caller)
    person = lens.person(pseudonym)
    if person is None:
        raise not_found("person")
    moment = data_clock(shop.records, shop.events)
    alerts = shop.records.alerts(persons=[person])
    cases = [case for case in cases_of(shop.records, [person]) if shop.sees(lens, case)]
    shop.looks.note(caller, "person", (person, *(case.id for case in cases), *(case.person for case in cases)))
    risk = risk_views(ranked(alerts, lens, moment), shop.events, lens, shop.book, moment)
    return PersonDetail(
        person=pseudonym,
        identity=identity(lens, person),
        stage=risk[0].stage if risk else lens.directory.stage(person, moment).value,
        score=risk[0].score if risk else 0,
        terms=risk[0].terms if risk else [],
        alerts=alert_views(alerts[-MOST_ALERTS:], shop.records, shop.events, lens, shop.book, lang),
        cases=case_views(cases, shop.records, lens),
        sources=sources_of(shop.events, person, lens.directory),
        unmaskings=in_force(shop, lens, person=person),
    )
