"""Notices to HR as documents: as HR reads them, and as analysts see what became of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from pydantic import BaseModel

from access.lens import Lens
from api.masking import identity_of, nameless
from api.shapes import IdentityView
from cases.noticewords import text_of
from core.access import Permission
from core.notice import Answer, Notice


class StepView(BaseModel):
    """A step HR is asked to take, and what HR answered; `done` is null where nothing was answered yet."""

    step: str
    words: dict[str, str]
    done: bool | None = None
    note: str = ""
    by: str = ""
    at: datetime | None = None


class TextView(BaseModel):
    """Exactly what HR reads, by language, besides who it is about."""

    stage: dict[str, str]
    level: dict[str, str]
    when: dict[str, str]
    presumed: dict[str, str]


class NoticeView(BaseModel):
    """A notice. `identity` is for those who act on it, else null; `case` for those who work on cases, else null. It
    says nothing of what was seen. To others, what HR wrote has the pseudonym where it had the name. `state` is sent,
    acknowledged, done or withdrawn; `why` is why it was withdrawn."""

    id: str
    number: int
    person: str
    identity: IdentityView | None
    case: str | None
    stage: str
    level: str
    text: TextView
    steps: list[StepView]
    last_day: date | None
    deadline: date
    state: str
    sent: datetime
    sent_by: str
    acknowledged: datetime | None
    acknowledged_by: str
    feedback: str
    ended: datetime | None
    why: str
    version: int


class DraftView(BaseModel):
    """What would be sent of a case now. `preview` stands for all of it: only what was read can be sent."""

    case: str
    person: str
    stage: str
    level: str
    text: TextView
    steps: list[StepView]
    last_day: date | None
    deadline: date
    preview: str


def notice_view(notice: Notice, lens: Lens) -> NoticeView:
    acts = lens.caller.may(Permission.ANSWER_NOTICES) or lens.shows(notice.person)
    telling: Callable[[str], str] = str if acts else partial(nameless, lens, notice.person)
    return NoticeView(
        id=notice.id,
        number=notice.number,
        person=lens.pseudonym(notice.person),
        identity=identity_of(lens.directory, notice.person) if acts else None,
        case=notice.case if lens.caller.may(Permission.READ_CASES) else None,
        stage=notice.stage.value,
        level=notice.level.value,
        text=_text(notice),
        steps=_steps(notice, telling),
        last_day=notice.last_day,
        deadline=notice.deadline,
        state=notice.state.value,
        sent=notice.sent,
        sent_by=notice.sent_by,
        acknowledged=notice.acknowledged,
        acknowledged_by=notice.acknowledged_by,
        feedback=telling(notice.feedback),
        ended=notice.ended,
        why=notice.why,
        version=notice.version,
    )


def draft_view(notice: Notice, lens: Lens) -> DraftView:
    shown = DraftView(
        case=notice.case,
        person=lens.pseudonym(notice.person),
        stage=notice.stage.value,
        level=notice.level.value,
        text=_text(notice),
        steps=_steps(notice, str),
        last_day=notice.last_day,
        deadline=notice.deadline,
        preview="",
    )
    digest = hashlib.sha256(json.dumps([notice.id, shown.model_dump(mode="json")], sort_keys=True).encode())
    return shown.model_copy(update={"preview": digest.hexdigest()[:32]})


def _text(notice: Notice) -> TextView:
    text = text_of(notice)
    return TextView(stage=dict(text.stage), level=dict(text.level), when=dict(text.when), presumed=dict(text.presumed))


def _steps(notice: Notice, telling: Callable[[str], str]) -> list[StepView]:
    answers: dict[str, Answer] = {one.step: one for one in notice.answers}
    return [_step(step, dict(words), answers.get(step), telling) for step, words in text_of(notice).steps]


def _step(step: str, words: dict[str, str], answer: Answer | None, telling: Callable[[str], str]) -> StepView:
    if answer is None:
        return StepView(step=step, words=words)
    return StepView(step=step, words=words, done=answer.done, note=telling(answer.note), by=answer.by, at=answer.at)
