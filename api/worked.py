"""Cases as those see them who work on them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus

from pydantic import BaseModel

from access.lens import Lens
from access.permissions import sees_every_case
from api.masking import free_text, written
from api.problems import Problem, not_found
from api.shop import Shop
from api.texts import tag_of
from core.access import Caller, Permission
from core.alert import Severity
from core.case import Case, CaseState
from core.triage import Work, WorkState


class WorkView(BaseModel):
    """Where work on a case stands. `tag` names what was shown: it is given back, as `If-Match`, by whoever changes it.
    `lead` is the case this one is worked on with, null where it is worked on by itself; `joined` are those that are
    worked on with it."""

    tag: str
    state: WorkState
    assignee: str
    due: datetime | None
    handed_over: datetime | None
    because: str
    lead: str | None
    joined: list[str]
    tasks: int
    tasks_open: int
    comments: int
    attachments: int


class WorkedCase(BaseModel):
    """A case in the list of work. `person` is the pseudonym of whom it is about, `persons` are all whom its alerts are
    about; `found` is what judging and people made of it: new, overflow, confirmed, benign, insufficient. The
    `reason` of a decision is null while the person is masked: whoever wrote it may have named them."""

    id: str
    person: str
    persons: list[str]
    found: CaseState
    opened: datetime
    score: float
    severity: Severity | None
    rules: list[str]
    alerts: list[str]
    reason: str | None
    decided: datetime | None
    decided_by: str
    work: WorkView


@dataclass(frozen=True, slots=True)
class OnCase:
    """A case that the caller may see."""

    case: Case
    work: Work
    lens: Lens

    @property
    def senior(self) -> bool:
        return self.lens.caller.may(Permission.JOIN_CASES)


Told = Callable[[str, str], str]
"""Of who wrote something and what it was: what is shown of it."""


def told_on(shop: Shop, on: OnCase) -> Told:
    """What somebody wrote on a case, as the caller is shown it."""
    persons = {on.case.person, *shop.records.contents([on.case.id])[on.case.id].persons}
    return partial(written, on.lens, persons)


def seen_case(shop: Shop, caller: Caller, case_id: str, lens: Lens | None = None) -> OnCase:
    """The case of this id. Ends the request with 404 where there is none that the caller may know of."""
    lens = lens or shop.lens(caller)
    case = shop.records.case(case_id)
    if case is None or not visible(shop, lens, [case]):
        raise not_found("case")
    return OnCase(case, shop.records.work([case.id])[case.id], lens)


def visible(shop: Shop, lens: Lens, cases: Sequence[Case]) -> list[Case]:
    """Those of the cases that somebody may see: about nobody, nor worked on with a case about anybody, whom they may
    not look at; of which legal was given, who sees nothing else."""
    records, ids = shop.records, [case.id for case in cases]
    given = frozenset(ids) if sees_every_case(lens.caller) else records.handed_over(ids)
    joined = records.joined(ids)
    contents = records.contents([*ids, *(one for members in joined.values() for one in members)])
    return [
        case
        for case in cases
        if case.id in given
        and lens.within(case.person)
        and all(lens.within(one) for part in (case.id, *joined.get(case.id, ())) for one in contents[part].persons)
    ]


def worked_cases(shop: Shop, lens: Lens, cases: Sequence[Case]) -> list[WorkedCase]:
    """Cases as documents, in the order given."""
    ids = [case.id for case in cases]
    works, contents = _works(shop, cases), shop.records.contents(ids)
    found = []
    for case in cases:
        about = contents[case.id]
        found.append(
            WorkedCase(
                id=case.id,
                person=lens.pseudonym(case.person),
                persons=sorted(lens.pseudonym(one) for one in {case.person, *about.persons}),
                found=case.state,
                opened=case.opened,
                score=case.score,
                severity=about.severity,
                rules=sorted(about.rules),
                alerts=list(case.alerts),
                reason=free_text(lens, case.person, case.reason),
                decided=case.decided,
                decided_by=case.decided_by,
                work=works[case.id],
            )
        )
    return found


def work_view(shop: Shop, lens: Lens, case: Case) -> WorkView | None:
    """Where work on one case stands, for whoever may see all that it is about."""
    return _works(shop, [case])[case.id] if visible(shop, lens, [case]) else None


def _works(shop: Shop, cases: Sequence[Case]) -> dict[str, WorkView]:
    ids = [case.id for case in cases]
    works, joined, counts = shop.records.work(ids), shop.records.joined(ids), shop.records.counts(ids)
    found = {}
    for case in cases:
        work, lie = works[case.id], counts[case.id]
        found[case.id] = WorkView(
            tag=str(tag_of(case, work)),
            state=work.state_with(case),
            assignee=work.assignee,
            due=work.due,
            handed_over=work.handed_over,
            because=work.because,
            lead=work.lead or None,
            joined=list(joined.get(case.id, ())),
            tasks=lie.tasks,
            tasks_open=lie.tasks_open,
            comments=lie.comments,
            attachments=lie.attachments,
        )
    return found


def colleague(shop: Shop, on: OnCase, name: str, permission: Permission = Permission.WORK_CASES) -> Caller:
    """The user of this name, who may do this and see the case. Ends the request where there is none."""
    found = on.lens.caller if name == on.lens.caller.name else _known(shop, name)
    if found is None or not found.may(permission) or not _sees(shop, on, found):
        told = f"{name} is nobody who may work on this case"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no-such-colleague", told)
    return found


def mentioned(shop: Shop, on: OnCase, names: Collection[str]) -> list[str]:
    """Those of the names that are users who may read the case, as whom it is told to."""
    if shop.colleagues is None:
        return []
    users = [(name, shop.colleagues.colleague(name)) for name in sorted(names)]
    return [
        f"user:{name}"
        for name, user in users
        if user and user.may(Permission.READ_CASES) and name != on.lens.caller.name and _sees(shop, on, user)
    ]


def _known(shop: Shop, name: str) -> Caller | None:
    if shop.colleagues is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-users", "there are no users here but whoever calls")
    return shop.colleagues.colleague(name)


def _sees(shop: Shop, on: OnCase, user: Caller) -> bool:
    return bool(visible(shop, Lens(user, on.lens.directory, shop.pseudonyms), [on.case]))
