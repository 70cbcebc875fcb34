"""Departures: HR files, changes and withdraws them; what is filed is judged at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, ParamSpec

from fastapi import Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from access.lens import Lens
from api.caller import needs
from api.leavers import AtDesk, LeaverView, leaver_view
from api.paging import After, Limit, Page, page, place
from api.problems import Problem, answers, not_found
from api.routing import Router
from api.shop import InShop, Shop
from api.uploads import CSV_BODY, Check, ImportView, csv_body, import_view
from cases.departures import Unfit, account_of, changed, filed, withdrawn
from core.access import Caller, Permission
from core.person import Filing, Stage, account_key

P = ParamSpec("P")
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=320)]
Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]


class NewLeaver(BaseModel):
    """A resignation. The person is named by exactly one of the three; `filed` is now where it is not given."""

    model_config = ConfigDict(extra="forbid")

    employee_number: Name | None = None
    email: Name | None = None
    person: Name | None = None
    filed: Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 2, tzinfo=UTC))] | None = None
    last_day: Day | None = None

    @model_validator(mode="after")
    def _one_name(self) -> NewLeaver:
        if sum(name is not None for name in (self.employee_number, self.email, self.person)) != 1:
            raise ValueError("give one of employee_number, email and person")
        return self


class ChangedLeaver(BaseModel):
    """The last working day as it is now; null where that is open."""

    model_config = ConfigDict(extra="forbid")

    last_day: Day | None


class Withdrawal(BaseModel):
    """With `mistake` the departure was never meant: what was found because of it goes too. Otherwise it stood until
    now, and what was found by then stays."""

    model_config = ConfigDict(extra="forbid")

    mistake: bool = False


router = Router(prefix="/api/v1/leavers", tags=["leavers"], responses=answers(401, 403, 503))


@router.get("", operation_id="list_leavers", responses=answers(422))
def list_leavers(
    shop: InShop,
    stage: Annotated[Stage | None, Query(description="Only who is at this stage now")] = None,
    after: After = None,
    limit: Limit = 100,
    caller: Caller = needs(Permission.READ_LEAVERS),
) -> Page[LeaverView]:
    """Everybody a departure was filed of, the newest first."""
    lens, now, start = shop.lens(caller), datetime.now(UTC), place(after, (str, str))
    whose = {lens.pseudonym(person): person for person in lens.directory.leavers() if lens.within(person)}
    views = (leaver_view(lens, person, now) for person in whose.values())
    rows = [(view.filed.isoformat(), view.person, view) for view in views if stage in (None, view.stage)]
    rows.sort(key=lambda row: row[:2], reverse=True)
    left = [row for row in rows if start is None or row[:2] < start]
    shown, following = page(left, limit, lambda row: row[:2])
    shop.looks.note(lens, "leavers", (whose[row[1]] for row in shown))
    return Page(items=[row[2] for row in shown], next=following)


@router.post("", operation_id="file_leaver", status_code=201, responses=answers(409, 422))
def file_leaver(
    shop: InShop,
    desk: AtDesk,
    new: NewLeaver,
    response: Response,
    caller: Caller = needs(Permission.FILE_LEAVERS),
) -> LeaverView:
    """File a resignation. The same again changes nothing and answers 200."""
    lens, now = shop.lens(caller), datetime.now(UTC)
    at = new.filed or now
    person, account = _named(lens, new, at)
    filings = _fit(filed, lens.directory, person, account, at, new.last_day, now, again=new.filed is None)
    if filings:
        desk.file(filings, caller.name)
    else:
        response.status_code = HTTPStatus.OK
    response.headers["Location"] = f"/api/v1/leavers/{lens.pseudonym(person)}"
    return _shown(shop, caller, person)


@router.post("/import", operation_id="import_leavers", openapi_extra=CSV_BODY, responses=answers(409, 413, 415, 422))
def import_leavers(
    shop: InShop,
    desk: AtDesk,
    check: Check = False,
    caller: Caller = needs(Permission.FILE_LEAVERS),
    data: bytes = csv_body(),
) -> ImportView:
    """A CSV file of resignations and withdrawals, as `leaverwatch leavers import` takes it. Bad rows are left out and
    named; the same file again changes nothing."""
    lens = shop.lens(caller)
    links = shop.records.links()
    others = {link.account for link in links if not lens.within(link.person)}
    done = desk.import_leavers(data, {link.account for link in links} - others, by=caller.name, check=check)
    return import_view(done, check=check)


@router.get("/{person}", operation_id="get_leaver", responses=answers(404))
def get_leaver(shop: InShop, person: str, caller: Caller = needs(Permission.READ_LEAVERS)) -> LeaverView:
    """One departure."""
    return _shown(shop, caller, _leaver(shop.lens(caller), person))


@router.patch("/{person}", operation_id="change_leaver", responses=answers(404, 409, 422))
def change_leaver(
    shop: InShop,
    desk: AtDesk,
    person: str,
    change: ChangedLeaver,
    caller: Caller = needs(Permission.FILE_LEAVERS),
) -> LeaverView:
    """Change the last day. What was judged with the one before stays as it was until now."""
    lens = shop.lens(caller)
    found = _leaver(lens, person)
    filings = _fit(changed, lens.directory, found, change.last_day, datetime.now(UTC))
    if filings:
        desk.file(filings, caller.name)
    return _shown(shop, caller, found)


@router.post("/{person}/withdraw", operation_id="withdraw_leaver", responses=answers(404, 409, 422))
def withdraw_leaver(
    shop: InShop,
    desk: AtDesk,
    person: str,
    given: Withdrawal | None = None,
    caller: Caller = needs(Permission.FILE_LEAVERS),
) -> LeaverView:
    """The resignation was taken back: nobody is watched for it any more. Again, it changes nothing."""
    lens = shop.lens(caller)
    found = _leaver(lens, person)
    mistake = given is not None and given.mistake
    filings = _fit(withdrawn, lens.directory, found, datetime.now(UTC), mistake=mistake)
    if filings:
        desk.file(filings, caller.name)
    return _shown(shop, caller, found)


def _shown(shop: Shop, caller: Caller, person: str) -> LeaverView:
    lens = shop.lens(caller)
    shop.looks.note(lens, "leaver", [person])
    return leaver_view(lens, person, datetime.now(UTC))


def _leaver(lens: Lens, pseudonym: str) -> str:
    found = lens.person(pseudonym)
    if found is None or found not in lens.directory.leavers():
        raise not_found("leaver")
    return found


def _named(lens: Lens, new: NewLeaver, at: datetime) -> tuple[str, str]:
    """The person, and the account to file by. Who is not within the caller's view is nobody."""
    if new.person is not None:
        found = lens.person(new.person)
        account = found and account_of(lens.directory, found, at)
    else:
        realm, name = ("employee", new.employee_number) if new.employee_number else ("mail", new.email)
        account = account_key(realm, name or "")
        found = lens.directory.person_at(account, at)
        if found == account or not lens.within(found):
            found = None
    if not found or not account:
        why = "nobody of that name was known at that time"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-person", why)
    return found, account


def _fit(rule: Callable[P, list[Filing]], *arguments: P.args, **options: P.kwargs) -> list[Filing]:
    """What a rule makes of it; ends the request where it makes nothing of it."""
    try:
        return rule(*arguments, **options)
    except Unfit as error:
        status = HTTPStatus.CONFLICT if error.stands else HTTPStatus.UNPROCESSABLE_ENTITY
        raise Problem(status, error.code, str(error)) from None
