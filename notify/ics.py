"""Deadlines as a calendar (RFC 5545)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from core.deadline import Deadline, DeadlineKind, case_link
from core.notifying import Language

_WORDS: Mapping[DeadlineKind, Mapping[Language, str]] = {
    DeadlineKind.TASK: {"zh": "任务到期", "en": "Task due"},
    DeadlineKind.CASE: {"zh": "案件到期", "en": "Case due"},
    DeadlineKind.NOTICE: {"zh": "通知待回复", "en": "Notice to be answered"},
    DeadlineKind.ACTION: {"zh": "处置申请待批准", "en": "Action to be approved"},
    DeadlineKind.LAST_DAY: {"zh": "最后工作日", "en": "Last day at work"},
}
_LENGTH = timedelta(minutes=15)


def calendar(
    deadlines: Sequence[Deadline],
    pseudonym: Callable[[str], str],
    base_url: str,
    language: Language,
    now: datetime,
) -> bytes:
    """A calendar of deadlines, each of which ends when it is due."""
    from icalendar import Calendar, Event

    made = Calendar()
    made.add("prodid", "-//leaverwatch//deadlines//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", "leaverwatch")
    for one in sorted(deadlines, key=lambda deadline: (deadline.due, deadline.id)):
        event = Event()
        event.add("uid", f"{one.kind.value}-{one.id}@leaverwatch")
        event.add("dtstamp", now)
        event.add("dtstart", one.due - _LENGTH)
        event.add("dtend", one.due)
        who = pseudonym(one.person) if one.person else ""
        event.add("summary", _WORDS[one.kind][language] + (f" ({who})" if who else ""))
        if link := case_link(base_url, one.case):
            event.add("url", link)
        made.add_component(event)
    found: bytes = made.to_ical()
    return found
