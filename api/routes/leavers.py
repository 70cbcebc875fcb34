"""Departures: HR files, changes and withdraws them; what is filed is judged at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from access.lens import Lens
from api.caller import needs
from api.leavers import AtDesk, LeaverView, account_of, first_filed, leaver_view
from api.paging import After, Limit, Page, cursor, place
from api.problems import Problem, answers, not_found
from api.shop import InShop, Shop
from api.uploads import CSV_BODY, Check, ImportView, csv_body, import_view
from core.access import Caller, Permission
from core.person import Filing, Stage, account_key, notice_at

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=320)]
Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]


class NewLeaver(BaseModel):
    """A resignation. The person is named by exactly one of the three; `filed` is now where it is not given."""

    model_config = ConfigDict(extra="forbid")

    employee_number: Name | None = None
    email: Name | None = None
    person: Name | None = None
    filed: AwareDatetime | None = None
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


router = APIRouter(prefix="/api/v1/leavers", tags=["leavers"], responses=answers(401, 403, 503))


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
    shown = left[:limit]
    shop.looks.note(caller, "leavers", (whose[row[1]] for row in shown))
    return Page(items=[row[2] for row in shown], next=cursor(shown[-1][:2]) if len(left) > limit else None)


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
    filed = new.filed or now
    if filed > now:
        raise _wrong("future-filing", "filed is in the future")
    person, account = _named(lens, new, filed)
    if new.last_day and new.last_day < lens.directory.calendar.day_of(filed):
        raise _wrong("last-day-before-filing", f"the last day {new.last_day} is before the resignation")
    filings = lens.directory.filings_of(person)
    if known := notice_at(filings, now):
        same = new.filed is None or first_filed(filings, known) == new.filed
        if not (same and known.last_day == new.last_day):
            raise Problem(HTTPStatus.CONFLICT, "already-filed", "a departure is filed: change or withdraw that one")
        response.status_code = HTTPStatus.OK
    else:
        if any(one.withdrawn and one.filed >= filed for one in filings):
            raise Problem(HTTPStatus.CONFLICT, "withdrawn-since", "what was filed by then was withdrawn since")
        desk.file([Filing(account=account, filed=filed, last_day=new.last_day)], caller.name)
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
    lens, now = shop.lens(caller), datetime.now(UTC)
    found = _leaver(lens, person)
    filings = lens.directory.filings_of(found)
    known = notice_at(filings, now)
    if known is None:
        raise Problem(HTTPStatus.CONFLICT, "no-departure", "no departure is in force: file one")
    first = lens.directory.calendar.day_of(first_filed(filings, known))
    if change.last_day and change.last_day < first:
        raise _wrong("last-day-before-filing", f"the last day {change.last_day} is before the resignation")
    if known.last_day != change.last_day:
        desk.file([Filing(account=_account(lens, found, now), filed=now, last_day=change.last_day)], caller.name)
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
    lens, now = shop.lens(caller), datetime.now(UTC)
    found = _leaver(lens, person)
    filings = lens.directory.filings_of(found)
    if known := notice_at(filings, now):
        if given and given.mistake:
            first = first_filed(filings, known)
            ended = [replace(one, last_day=None, withdrawn=True) for one in filings if first <= one.filed <= now]
        else:
            ended = [Filing(account=_account(lens, found, now), filed=now, withdrawn=True)]
        desk.file(ended, caller.name)
    elif not any(one.withdrawn and one.filed <= now for one in filings):
        raise Problem(HTTPStatus.CONFLICT, "no-departure", "no departure is in force yet")
    return _shown(shop, caller, found)


def _shown(shop: Shop, caller: Caller, person: str) -> LeaverView:
    shop.looks.note(caller, "leaver", [person])
    return leaver_view(shop.lens(caller), person, datetime.now(UTC))


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
        raise _wrong("unknown-person", "nobody of that name was known at that time")
    return found, account


def _account(lens: Lens, person: str, at: datetime) -> str:
    found = account_of(lens.directory, person, at)
    if found is None:
        raise _wrong("unknown-person", "no account is the person's any more: file by a CSV file, with the number")
    return found


def _wrong(code: str, why: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, why)
