"""What HR is told, and persons as other systems keep them: the same on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import Refused
from core.evidence import Deed
from core.happening import Kind
from core.notice import OPEN, Answer, Notice, NoticeState, RiskLevel, Step
from core.person import Filing, Link, Person, Stage
from core.roster import ORIGIN, Member
from store.records import SqlRecords
from store.records.notices import nameless_answers

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LI = Person(id="e1", name="李娜", email="li.na@corp.example")


def a_notice(case: str = "c1", person: str = "e1", **changed: object) -> Notice:
    made = Notice(
        id=f"n-{case}",
        case=case,
        person=person,
        stage=Stage.NOTICE,
        level=RiskLevel.HIGH,
        steps=[Step.EARLY_MEETING, Step.HANDOVER],
        deadline=date(2026, 3, 5),
        sent=NOW,
        sent_by="an",
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def kinds(records: SqlRecords) -> list[Kind]:
    return [one.kind for one in records.happened(-1, 1000)]


def test_a_notice_is_kept_with_its_answers(records: SqlRecords) -> None:
    sent = records.send_notice(a_notice(last_day=date(2026, 3, 31), resignation=True))
    assert (sent.number, sent.version) == (1, 1)
    said = Answer(step=Step.HANDOVER, done=False, note="下周", by="hr", at=NOW)
    changed = replace(sent, state=NoticeState.ACKNOWLEDGED, acknowledged=NOW, answers=[said], feedback="ok")
    now = records.change_notice(changed, by="hr", at=NOW)
    kept = records.notice(sent.id)
    assert kept is not None
    assert (kept, list(kept.answers)) == (replace(now, steps=kept.steps, answers=kept.answers), [said])
    assert kept.version == 2
    assert records.send_notice(a_notice("c2")).number == 2
    assert [one.number for one in records.notices()] == [2, 1], "the newest first"
    assert [one.case for one in records.notices(cases=["c1"], states=OPEN)] == ["c1"]
    assert records.notice("none") is None


def test_a_stale_change_is_refused_and_tells_nothing(records: SqlRecords) -> None:
    sent = records.send_notice(a_notice())
    records.change_notice(replace(sent, feedback="first"), by="hr", at=NOW)
    with pytest.raises(Refused, match="changed meanwhile"):
        records.change_notice(replace(sent, feedback="second"), by="hr", at=NOW)
    assert kinds(records) == [Kind.NOTICE_SENT, Kind.NOTICE_ANSWERED]
    assert [entry.deed for entry in records.audited("e1")] == [Deed.SENT_NOTICE, Deed.ANSWERED_NOTICE]


def test_one_notice_of_a_case_is_open_however_many_send_at_once(records: SqlRecords) -> None:
    def send(number: int) -> bool:
        try:
            records.send_notice(a_notice(id=f"n{number}"))
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(send, range(8))) == 1
    (sent,) = records.notices()
    records.change_notice(replace(sent, state=NoticeState.DONE), by="hr", at=NOW)
    with pytest.raises(Refused):
        records.send_notice(a_notice(id="again"), first=True)
    assert records.send_notice(a_notice(id="again")).number == 2


def test_a_deadline_is_told_of_once(records: SqlRecords) -> None:
    sent = records.send_notice(a_notice())
    assert records.remind_of(date(2026, 3, 4), NOW) == 0
    assert records.remind_of(date(2026, 3, 5), NOW) == 1
    assert records.remind_of(date(2026, 3, 5), NOW) == 0
    records.change_notice(replace(sent, feedback="read before it was reminded of"), by="hr", at=NOW)
    assert records.remind_of(date(2026, 3, 5), NOW) == 0
    assert kinds(records) == [Kind.NOTICE_SENT, Kind.NOTICE_DUE, Kind.NOTICE_ANSWERED]


def test_a_withdrawal_takes_open_notices_that_rest_on_it(records: SqlRecords) -> None:
    records.save_persons([LI], [Link(account="employee:e1", person="e1")])
    filing = Filing(account="employee:e1", filed=NOW)
    records.save_filings([filing], 30, "hr")
    records.send_notice(a_notice("resting", resignation=True))
    records.send_notice(a_notice("other"))
    records.send_notice(a_notice("somebody", "e2", resignation=True))
    withdrawal = Filing(account="employee:e1", filed=NOW + timedelta(days=1), withdrawn=True)
    records.save_filings([filing, withdrawal], 30, "hr")
    states = {one.case: one.state for one in records.notices()}
    assert states == {"resting": NoticeState.WITHDRAWN, "other": NoticeState.SENT, "somebody": NoticeState.SENT}
    assert kinds(records)[-2:] == [Kind.NOTICE_WITHDRAWN, Kind.FILING_RECEIVED]
    records.save_filings([filing, withdrawal], 30, "hr")
    assert kinds(records).count(Kind.FILING_RECEIVED) == 2, "the same again is no news"
    (first, second) = (entry for entry in records.audited("e1") if entry.deed is Deed.FILED)
    assert (first.by, first.details["filed"], second.details["withdrawn"]) == ("hr", 1, 1)


def mail(since: datetime | None = None, until: datetime | None = None) -> Link:
    return Link(account="mail:li.na@corp.example", person="e1", since=since, until=until, origin=ORIGIN)


def test_a_member_comes_goes_and_comes_back(records: SqlRecords) -> None:
    number = Link(account="employee:e1", person="e1", origin=ORIGIN)
    member = Member(person=LI, user_name="li.na@corp.example")
    member = records.save_member(member, [mail(), number], by="idp", at=NOW)
    assert (member.version, member.created, list(records.members())) == (1, NOW, [member])
    later, back = NOW + timedelta(days=9), NOW + timedelta(days=20)
    member = records.save_member(replace(member, active=False), [mail(), number], by="idp", at=later)
    assert set(records.links()) == {mail(until=later), number}
    member = records.save_member(replace(member, active=True), [mail(), number], by="idp", at=back)
    assert set(records.links()) == {mail(until=later), mail(since=back), number}
    again = records.save_member(member, [mail(), number], by="idp", at=back + timedelta(days=1))
    assert set(records.links()) == {mail(until=later), mail(since=back), number}, "the same again moves no link"
    gone = back + timedelta(days=2)
    records.save_member(again, [number], by="idp", at=gone)
    assert set(records.links()) == {mail(until=later), mail(since=back, until=gone), number}, "no longer theirs"


def test_links_of_other_lists_end_only_with_the_person(records: SqlRecords) -> None:
    login = Link(account="login:ln", person="e1")
    records.save_persons([LI], [login])
    (member,) = records.members()
    assert (member.user_name, member.version) == (LI.email, 0)
    member = records.save_member(member, [mail()], by="idp", at=NOW)
    assert set(records.links()) == {login, mail()}
    records.save_member(replace(member, active=False), [mail()], by="idp", at=NOW)
    assert set(records.links()) == {replace(login, until=NOW), mail(until=NOW)}


def test_a_member_is_not_written_over_unseen_and_takes_nobodys_name(records: SqlRecords) -> None:
    member = Member(person=LI, user_name="li.na@corp.example")
    records.save_member(member, [], by="idp", at=NOW)
    with pytest.raises(Refused, match="changed meanwhile"):
        records.save_member(member, [], by="idp", at=NOW)
    other = Member(person=Person(id="e2"), user_name="Li.Na@corp.example")
    with pytest.raises(Refused, match="user name"):
        records.save_member(other, [], by="idp", at=NOW)
    assert [person.id for person in records.persons()] == ["e1"]


def test_of_answers_only_what_hr_wrote_becomes_nameless() -> None:
    kept = '[{"step": "handover", "done": true, "note": "by at", "by": "at", "at": "2026-03-02"}]'
    nameless = nameless_answers(kept, lambda text: text.replace("by", "P1").replace("at", "P2"))
    assert nameless == kept.replace("by at", "P1 P2")
