"""Notices: analysts send them from a case, HR reads, acknowledges and answers them."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from access.lens import Lens
from api.caller import needs
from api.etags import IfMatch, tagged, unchanged
from api.leavers import AtDesk
from api.notices import DraftView, NoticeView, draft_view, notice_view
from api.paging import After, Limit, Page, page, place
from api.problems import Problem, answers, not_found
from api.routing import Router
from api.shop import InShop, Shop
from api.texts import NO_NUL, Why
from cases.notices import acknowledge, answer, withdraw
from core.access import Caller, Permission
from core.notice import Answer, Notice, NoticeState, Step

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000, pattern=NO_NUL)]
Steps = Annotated[list[Step], Field(max_length=len(Step))]


class NewNotice(BaseModel):
    """`preview` is what reading the draft gave; `steps` those it was read with."""

    model_config = ConfigDict(extra="forbid")

    preview: Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
    steps: Steps = []


class StepAnswer(BaseModel):
    """Whether a step was taken, and what there is to say of it."""

    model_config = ConfigDict(extra="forbid")

    step: Step
    done: bool
    note: Note = ""


class Answers(BaseModel):
    """Some or all steps, and what those who work on the case should know."""

    model_config = ConfigDict(extra="forbid")

    answers: Annotated[list[StepAnswer], Field(max_length=len(Step))] = []
    feedback: Note | None = None


class Withdrawal(BaseModel):
    """Why a notice is taken back: HR reads it."""

    model_config = ConfigDict(extra="forbid")

    why: Why


router = Router(tags=["notices"], responses=answers(401, 403, 503))


@router.get("/api/v1/notices", operation_id="list_notices", responses=answers(422))
def list_notices(
    shop: InShop,
    state: Annotated[list[NoticeState] | None, Query(description="Only those in one of these states")] = None,
    after: After = None,
    limit: Limit = 100,
    caller: Caller = needs(Permission.READ_NOTICES),
) -> Page[NoticeView]:
    """Notices to HR, the newest first."""
    lens, start = shop.lens(caller), place(after, (int,))
    found = [
        one
        for one in shop.records.notices(states=state)
        if lens.within(one.person) and (start is None or one.number < int(start[0]))
    ]
    shown, following = page(found, limit, lambda one: (one.number,))
    _note(shop, lens, "notices", *shown)
    return Page(items=[notice_view(one, lens) for one in shown], next=following)


@router.get("/api/v1/notices/suggestions", operation_id="list_suggested_notices")
def list_suggestions(shop: InShop, desk: AtDesk, caller: Caller = needs(Permission.SEND_NOTICES)) -> list[DraftView]:
    """What the company's policy suggests to tell HR of, the strongest case first, 100 at most."""
    lens = shop.lens(caller)
    found = [one for one in desk.suggestions(datetime.now(UTC)) if lens.within(one.person)][:100]
    shop.looks.note(lens, "suggested notices", (each for one in found for each in (one.case, one.person)))
    return [draft_view(one, lens) for one in found]


@router.get("/api/v1/notices/{notice_id}", operation_id="get_notice", responses=answers(404))
def get_notice(
    shop: InShop, notice_id: str, response: Response, caller: Caller = needs(Permission.READ_NOTICES)
) -> NoticeView:
    """One notice. Its ETag is what a change of it is made from."""
    lens = shop.lens(caller)
    notice = _notice(shop, lens, notice_id)
    _note(shop, lens, "notice", notice)
    return _tagged(notice, lens, response)


@router.post(
    "/api/v1/notices/{notice_id}/acknowledge",
    operation_id="acknowledge_notice",
    responses=answers(404, 409, 412, 422, 428),
)
def acknowledge_notice(
    shop: InShop,
    notice_id: str,
    response: Response,
    if_match: IfMatch = None,
    caller: Caller = needs(Permission.ANSWER_NOTICES),
) -> NoticeView:
    """HR has read it and takes care of it."""
    lens, now = shop.lens(caller), datetime.now(UTC)
    notice = _matching(_notice(shop, lens, notice_id), if_match)
    read = acknowledge(notice, caller.name, now)
    changed = notice if read is notice else shop.records.change_notice(read, by=caller.name, at=now)
    return _tagged(changed, lens, response)


@router.post(
    "/api/v1/notices/{notice_id}/answers", operation_id="answer_notice", responses=answers(404, 409, 412, 422, 428)
)
def answer_notice(
    shop: InShop,
    notice_id: str,
    given: Answers,
    response: Response,
    if_match: IfMatch = None,
    caller: Caller = needs(Permission.ANSWER_NOTICES),
) -> NoticeView:
    """Say what was done. Once every step has an answer the notice is done."""
    lens, now = shop.lens(caller), datetime.now(UTC)
    notice = _matching(_notice(shop, lens, notice_id), if_match)
    said = [Answer(step=one.step, done=one.done, note=one.note, by=caller.name, at=now) for one in given.answers]
    changed = answer(notice, said, given.feedback, caller.name, now)
    return _tagged(shop.records.change_notice(changed, by=caller.name, at=now), lens, response)


@router.post(
    "/api/v1/notices/{notice_id}/withdraw", operation_id="withdraw_notice", responses=answers(404, 409, 412, 422, 428)
)
def withdraw_notice(
    shop: InShop,
    notice_id: str,
    given: Withdrawal,
    response: Response,
    if_match: IfMatch = None,
    caller: Caller = needs(Permission.SEND_NOTICES),
) -> NoticeView:
    """Take a notice back."""
    lens, now = shop.lens(caller), datetime.now(UTC)
    notice = _matching(_notice(shop, lens, notice_id), if_match)
    changed = shop.records.change_notice(withdraw(notice, given.why, now), by=caller.name, at=now)
    return _tagged(changed, lens, response)


@router.get("/api/v1/cases/{case_id}/notices", operation_id="list_notices_of_case", responses=answers(404))
def list_notices_of_case(
    shop: InShop, case_id: str, caller: Caller = needs(Permission.SEND_NOTICES)
) -> list[NoticeView]:
    """What HR was told of a case, and what HR answered; the newest first."""
    lens = shop.lens(caller)
    found = shop.records.notices(cases=[shop.case(lens, case_id).id])
    _note(shop, lens, "notices", *found)
    return [notice_view(one, lens) for one in found]


@router.get("/api/v1/cases/{case_id}/notices/draft", operation_id="preview_notice", responses=answers(404, 409, 422))
def preview_notice(
    shop: InShop,
    desk: AtDesk,
    case_id: str,
    step: Annotated[list[Step] | None, Query(max_length=20, description="Instead of those recommended")] = None,
    caller: Caller = needs(Permission.SEND_NOTICES),
) -> DraftView:
    """Exactly the text that HR would read of a case."""
    lens = shop.lens(caller)
    case = shop.case(lens, case_id)
    drafted = desk.draft(case, step or (), caller.name, datetime.now(UTC))
    shop.looks.note(lens, "draft of a notice", (case.id, case.person))
    return draft_view(drafted, lens)


@router.post(
    "/api/v1/cases/{case_id}/notices",
    operation_id="send_notice",
    status_code=201,
    responses=answers(404, 409, 412, 422),
)
def send_notice(
    shop: InShop,
    desk: AtDesk,
    case_id: str,
    new: NewNotice,
    response: Response,
    caller: Caller = needs(Permission.SEND_NOTICES),
) -> NoticeView:
    """Send HR what was read as a draft. One notice of a case is open at a time."""
    lens = shop.lens(caller)
    drafted = desk.draft(shop.case(lens, case_id), new.steps, caller.name, datetime.now(UTC))
    if draft_view(drafted, lens).preview != new.preview:
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED, "draft-changed", "this is not what was read: read the draft again"
        )
    sent = shop.records.send_notice(drafted)
    response.headers["Location"] = f"/api/v1/notices/{sent.id}"
    return _tagged(sent, lens, response)


def _notice(shop: Shop, lens: Lens, notice_id: str) -> Notice:
    found = shop.records.notice(notice_id)
    if found is None or not lens.within(found.person):
        raise not_found("notice")
    return found


def _matching(notice: Notice, if_match: str | None) -> Notice:
    unchanged(if_match, notice.version)
    return notice


def _tagged(notice: Notice, lens: Lens, response: Response) -> NoticeView:
    tagged(response, notice.version)
    return notice_view(notice, lens)


def _note(shop: Shop, lens: Lens, what: str, *notices: Notice) -> None:
    shop.looks.note(lens, what, (each for one in notices for each in (one.id, one.person)))
