"""Several cases worked on as one, and one taken apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.caller import needs
from api.problems import answers
from api.routes.triage import CHANGES, at_version, shown
from api.routing import Router
from api.shop import InShop, now
from api.texts import Reason, Seen
from api.worked import OnCase, WorkedCase, seen_case, worked_cases
from cases import workflow
from cases.inbox import gather
from core.access import Caller, Permission
from core.errors import BadQuery, Refused
from core.triage import Change, Step
from detection.risk import score_at

router = Router(prefix="/api/v1/cases", tags=["triage"], responses=answers(401, 403, 404, 422, 503) | CHANGES)
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Others(BaseModel):
    """Other cases, by id, and why."""

    model_config = ConfigDict(extra="forbid")
    cases: list[Id] = Field(min_length=1, max_length=100)
    reason: Reason


class Alerts(BaseModel):
    """Some of the alerts of a case, by id, and why they are something else."""

    model_config = ConfigDict(extra="forbid")
    alerts: list[Id] = Field(min_length=1, max_length=1_000)
    reason: Reason


class Parts(BaseModel):
    """What is left of a case, and the case that was made of what was taken out."""

    rest: WorkedCase
    apart: WorkedCase


@router.post("/{case_id}/join", operation_id="join_cases")
def join(
    shop: InShop,
    response: Response,
    case_id: str,
    seen: Seen,
    body: Others,
    caller: Caller = needs(Permission.JOIN_CASES),
) -> WorkedCase:
    """Work on other open cases with this one: lists show this one alone, and a decision of it decides all. Their alerts
    stay where they are."""
    on = seen_case(shop, caller, case_id)
    for one in body.cases:
        other = seen_case(shop, caller, one, on.lens)
        if other.case.id == on.case.id:
            raise BadQuery("a case is always worked on with itself")
        if not other.work.lead:
            workflow.joining(other.case, other.work, Step.JOINED, by="", why="", senior=on.senior, at=now())
    shop.records.join(_change(on, seen, Step.JOINED, body.reason), body.cases)
    return shown(shop, response, seen_case(shop, caller, case_id))


@router.post("/{case_id}/part", operation_id="part_cases")
def part(
    shop: InShop,
    response: Response,
    case_id: str,
    seen: Seen,
    body: Others,
    caller: Caller = needs(Permission.JOIN_CASES),
) -> WorkedCase:
    """Work on some of the joined cases by themselves again, as long as nothing is decided."""
    on = seen_case(shop, caller, case_id)
    for one in body.cases:
        seen_case(shop, caller, one, on.lens)
    shop.records.part(_change(on, seen, Step.PARTED, body.reason), body.cases)
    return shown(shop, response, seen_case(shop, caller, case_id))


@router.post("/{case_id}/split", operation_id="split_case")
def split(
    shop: InShop,
    response: Response,
    case_id: str,
    seen: Seen,
    body: Alerts,
    caller: Caller = needs(Permission.JOIN_CASES),
) -> Parts:
    """Take alerts out into a case of their own, which is worked on and decided by itself from now on, whoever judges.
    At least one stays."""
    on = seen_case(shop, caller, case_id)
    change = _change(on, seen, Step.SPLIT, body.reason)
    held, taken = set(on.case.alerts), set(body.alerts)
    if not taken < held:
        raise BadQuery("give some of the alerts of the case, but not all")
    found = [shop.records.alert(one) for one in on.case.alerts]
    alerts = [one for one in found if one]
    person = on.case.person
    rest = gather(person, [one for one in alerts if one.id not in taken], score_at, 0.0, on.case.number)
    apart = gather(person, [one for one in alerts if one.id in taken], score_at, 0.0)
    if len(alerts) < len(held) or rest is None or apart is None:
        raise Refused("some alerts of the case are gone: look at it again when its person was judged")
    made = shop.records.split(change, replace(rest, opened=on.case.opened), apart)
    after = seen_case(shop, caller, case_id)
    (view,) = worked_cases(shop, on.lens, [made])
    shop.looks.note(on.lens, "case", (made.id, person))
    return Parts(rest=shown(shop, response, after), apart=view)


def _change(on: OnCase, seen: Seen, step: Step, why: str) -> Change:
    work, by = at_version(on, seen), on.lens.caller.name
    return workflow.joining(on.case, work, step, by=by, why=why, senior=on.senior, at=now())
