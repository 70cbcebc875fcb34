"""What is kept for a purpose goes when that is over: not sooner, not what is held, and never what judging would make
again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from storing import an_alert
from test_hr_records import a_notice
from test_triage import a_case, judge
from test_unmaskings import GRANTED

from core.calendar import CompanyCalendar
from core.canonical import moment_text
from core.case import Case, CaseState, case_id
from core.casefiles import Attachment, Comment, Task
from core.directory import Directory
from core.evidence import FROZEN, Deed, Evidence, Hold, HoldScope, Snapshot
from core.grounds import Approval, ApprovalKind, RuleException
from core.notice import NoticeState
from core.person import Filing, Link, Person, Stage
from core.proof import canonical
from core.retention import KeptFor, Stored, Terms
from store.records import SqlRecords, lapsing
from store.records.people import see_accounts
from store.records.tables import alerts, frozen_events, released_events, snapshots
from store.records.triagetables import attached_files

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=100)
WRITTEN = 4
"""Rows that `write` makes: a comment, a task, an attachment, an unmasking."""


def over(*purposes: KeptFor, before: datetime = LATER, events: datetime | None = LATER) -> Terms:
    return Terms(before=dict.fromkeys(purposes or KeptFor, before), events=events)


def write(records: SqlRecords, case: Case) -> None:
    records.add_comment(Comment(id=f"c-{case.id}", case=case.id, text="李娜 said so", by="li", at=NOW))
    records.change_comment(Comment(id=f"c-{case.id}", case=case.id, text="no", by="li", at=NOW), at=NOW)
    records.add_task(Task(id=f"t-{case.id}", case=case.id, title="ask IT", by="li", at=NOW))
    data = case.id.encode()
    sha256 = hashlib.sha256(data).hexdigest()
    attached = Attachment(
        id=f"a-{case.id}", case=case.id, name="a.txt", kind="text/plain", size=1, sha256=sha256, by="li", at=NOW
    )
    records.attach(attached, data, 1_000)
    records.save_unmasking(replace(GRANTED, id=f"u-{case.id}", case=case.id, person=case.person), None)


def freeze(records: SqlRecords) -> None:
    due = records.unfrozen(99)
    made = []
    for one in due:
        if one.now and not one.same:
            told = {"id": one.alert, "time": moment_text(one.now.time)}
            body = canonical({"alert": told, "events": [f"e-{one.now.person}-{one.now.day}", "shared"]})
            name = hashlib.sha256(body).hexdigest()
            made.append(Snapshot(id=name, alert=one.alert, person=one.now.person, at=NOW, body=body))
    events = {name: b"{}" for one in made for name in [f"e-{one.person}-2026-03-0{day}" for day in (1, 2, 3)]}
    records.freeze(Evidence(snapshots=made, events=events | {"shared": b"{}"}, texts=[]), due)


def decided(records: SqlRecords, person: str = "e1", state: CaseState = CaseState.BENIGN) -> Case:
    case = a_case(person)
    judge(records, case)
    freeze(records)
    write(records, case)
    records.decide(case.id, state, "known", NOW, "li")
    return case


def gone(records: SqlRecords, terms: Terms) -> dict[str, int]:
    """What goes, which is exactly what was said before that it would."""
    told = {(one.kind, one.source): one.records for one in records.lapsing(terms).erased}
    done: dict[tuple[Stored, str], int] = {}
    for erasure in records.lapse(terms, "ann"):
        for one in erasure.due.erased:
            done[one.kind, one.source] = done.get((one.kind, one.source), 0) + one.records
    assert told == done
    counted: Counter[str] = Counter()
    for (kind, _), count in done.items():
        counted[kind.value] += count
    return dict(counted)


def of(records: SqlRecords, column: sa.Column[Any]) -> list[Any]:
    with records.database.reading() as connection:
        return sorted(connection.execute(sa.select(column)).scalars())


def hold(records: SqlRecords, scope: HoldScope, subject: str = "", persons: Sequence[str] = (), **more: Any) -> None:
    made = Hold(id="h", scope=scope, subject=subject, reason="x", placed_by="ann", placed=NOW, persons=persons, **more)
    records.save_hold(made)


def lift(records: SqlRecords) -> None:
    held = replace(records.holds()[0], lift_asked_by="ann")
    records.save_hold(held)
    records.save_hold(replace(held, lifted_by="bob", lifted=NOW))


def test_a_dismissed_case_goes_with_all_that_belongs_to_it(records: SqlRecords) -> None:
    case, other = decided(records), decided(records, "e2", CaseState.CONFIRMED)
    size = records.size()
    assert gone(records, over(KeptFor.DISMISSED)) == {"writing": WRITTEN, "case": 1, "alert": 2, "snapshot": 2}
    assert [one.id for one in records.cases()] == [other.id]
    assert (records.comments(case.id), records.tasks(case.id), records.attachments(case.id)) == ([], [], [])
    assert records.unmaskings(person="e1") == []
    assert len(records.comments(other.id)) == len(of(records, attached_files.c.sha256)) == 1
    assert of(records, alerts.c.person) == ["e1", "e2", "e2", "e2"], "an alert of no case stays"
    assert of(records, frozen_events.c.id) == ["e-e1-2026-03-03", *(f"e-e2-2026-03-0{n}" for n in (1, 2, 3)), "shared"]
    assert records.size() == size, "the ledger's hashes stay"
    assert records.work([case.id])[case.id].version == 0
    assert gone(records, over(KeptFor.DISMISSED)) == {}


def test_what_is_frozen_anew_meanwhile_keeps_its_events(records: SqlRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before it swept; then somebody freezes what rests on the same, and the next run sweeps."""
    decided(records)
    with monkeypatch.context() as patch:
        patch.setattr(lapsing, "sweep", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            records.lapse(over(), "ann")
    assert (of(records, snapshots.c.id), len(of(records, frozen_events.c.id))) == ([], 4)
    judge(records, a_case("e1"))
    freeze(records)
    records.lapse(over(KeptFor.NOTICES), "ann")
    assert len(of(records, frozen_events.c.id)) == 4
    assert of(records, released_events.c.id) == []


def test_what_went_is_written_down_and_says_nobody(records: SqlRecords) -> None:
    decided(records)
    frozen = [one.id for one in records.every_snapshot() if one.alert in a_case().alerts]
    (erasure,) = records.lapse(over(KeptFor.DISMISSED), "ann")
    assert (erasure.by, erasure.before, erasure.done is not None) == ("ann", {"dismissed": LATER}, True)
    assert records.erasures() == [erasure]
    (entry,) = [one for one in records.audited() if one.deed is Deed.ERASED]
    assert (entry.by, entry.about, sorted(frozen)) == ("ann", (), entry.details[FROZEN])
    assert entry.details["records"] == {"writing": WRITTEN, "case": 1, "alert": 2, "snapshot": 2}
    assert {one.alert for one in records.untold(99)} >= set(a_case().alerts), "copies elsewhere are taken back"


def test_until_its_events_are_gone_the_bare_decision_stays(records: SqlRecords) -> None:
    """Otherwise judging would accuse anew."""
    case = decided(records)
    for events in (None, NOW - timedelta(days=100)):
        left = gone(records, over(events=events))
        assert left == ({"writing": WRITTEN} if events is None else {})
        (kept,) = records.cases()
        assert (kept.id, kept.state, kept.reason, len(records.alerts())) == (case.id, CaseState.BENIGN, "known", 3)
        assert len(list(records.every_snapshot())) == 3
    assert gone(records, over())["case"] == 1
    assert (records.cases(), records.alerts(outcome=None)) == ([], [])


def test_nothing_goes_too_soon_and_no_open_case_ever(records: SqlRecords) -> None:
    case = decided(records)
    assert gone(records, over(before=NOW)) == {}
    judge(records, a_case("e2"))
    assert gone(records, over(KeptFor.CONFIRMED)) == {}
    assert set(gone(records, over())) == {"writing", "case", "alert", "snapshot"}
    assert [one.id for one in records.cases()] == [a_case("e2").id]
    assert {one.id for one in records.alerts()} == set(a_case("e2").alerts), "alerts of a case are no lone ones"
    assert case.id not in of(records, sa.column("case", _selectable=sa.table("case_contents")))


@pytest.mark.parametrize("scope", HoldScope)
def test_a_hold_keeps_all_of_it_until_it_is_lifted(records: SqlRecords, scope: HoldScope) -> None:
    case = decided(records)
    records.send_notice(a_notice(case.id, ended=NOW, state=NoticeState.DONE))
    records.send_notice(a_notice("c2", "e9"))
    subject = {HoldScope.CASE: case.id, HoldScope.PERSON: "e1", HoldScope.RANGE: ""}[scope]
    since, until = (NOW - timedelta(days=9), NOW + timedelta(days=9)) if scope is HoldScope.RANGE else (None, None)
    hold(records, scope, subject, ["e1"] if subject else [], since=since, until=until)
    assert gone(records, over()) == {}
    held = replace(records.holds()[0], lift_asked_by="ann", lift_reason="over")
    records.save_hold(held)
    records.save_hold(replace(held, lifted_by="bob", lifted=NOW))
    assert gone(records, over()) == {"writing": WRITTEN, "case": 1, "alert": 3, "snapshot": 3, "notice": 1}


def test_a_decision_stays_for_alerts_that_may_come_again(records: SqlRecords) -> None:
    """Its rule is switched off for a while: what it found is gone, and its events are not."""
    case = decided(records)
    records.settle((), [("e1", date(1970, 1, 1), date(9999, 1, 1))], (), ())
    assert records.alerts(outcome=None) == []
    hold(records, HoldScope.RANGE, since=case.opened, until=case.opened + timedelta(minutes=1))
    assert gone(records, over(KeptFor.DISMISSED)) == {}, "what was held when it opened is"
    lift(records)
    assert gone(records, over(KeptFor.DISMISSED, events=NOW)) == {"writing": WRITTEN}
    assert [one.id for one in records.cases()] == [case.id]
    assert gone(records, over(KeptFor.DISMISSED)) == {"case": 1, "snapshot": 2}


def take_away(records: SqlRecords, *persons: str) -> None:
    """Judging finds nothing of them any more."""
    records.settle((), [(person, date(1970, 1, 1), date(9999, 1, 1)) for person in persons], (), ())


def test_with_a_case_goes_what_is_frozen_of_alerts_that_are_gone(records: SqlRecords) -> None:
    case, _ = decided(records), decided(records, "e2", CaseState.CONFIRMED)
    take_away(records, "e1", "e2")
    assert gone(records, over(KeptFor.DISMISSED, events=NOW)) == {"writing": WRITTEN}, "as long as the case stays"
    assert gone(records, over(KeptFor.DISMISSED)) == {"case": 1, "snapshot": len(case.alerts)}
    left = [an_alert("e1", 3), *(an_alert("e2", day) for day in (1, 2, 3))]
    assert of(records, snapshots.c.alert) == sorted(one.id for one in left)
    assert of(records, frozen_events.c.id) == ["e-e1-2026-03-03", *(f"e-e2-2026-03-0{n}" for n in (1, 2, 3)), "shared"]


def test_what_is_frozen_of_a_gone_alert_stays_with_another_case_that_names_it(records: SqlRecords) -> None:
    """A crew's case of somebody else, of which nothing else says any more that it is about them, too."""
    case = decided(records)
    crew = replace(a_case("e2"), alerts=(*a_case("e2").alerts, case.alerts[0]), scores=(40.0,) * 3)
    records.settle((), [], [an_alert("e2", day) for day in (1, 2, 3)], [crew])
    take_away(records, "e1")
    records.settle((), [], [], [crew])
    assert gone(records, over(KeptFor.DISMISSED)) == {"writing": WRITTEN, "case": 1, "snapshot": 1}
    assert case.alerts[0] in of(records, snapshots.c.alert)
    assert gone(records, over(KeptFor.ALERTS)) == {"snapshot": 1, "alert": 1}
    assert case.alerts[0] in of(records, snapshots.c.alert)
    records.decide(crew.id, CaseState.CONFIRMED, "known", NOW, "li")
    hold(records, HoldScope.PERSON, "e1", ["e1"])
    assert gone(records, over()) == {}, "it is about e1, too"


def test_what_is_frozen_of_alerts_that_are_gone_goes_like_an_alert_of_no_case(
    records: SqlRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lapsing, "AT_ONCE", 2)
    judge(records, a_case("e1"), persons=("e2",))
    freeze(records)
    take_away(records, "e1")
    assert gone(records, over(KeptFor.ALERTS, before=NOW - timedelta(days=2))) == {}
    assert gone(records, over(KeptFor.ALERTS, events=None)) == {}, "judging may find it again"
    hold(records, HoldScope.PERSON, "e1", ["e1"])
    assert gone(records, over(KeptFor.ALERTS)) == {"alert": 3, "snapshot": 3}
    lift(records)
    left = of(records, snapshots.c.id)
    assert gone(records, over(KeptFor.ALERTS)) == {"snapshot": 3}
    told = [one.details[FROZEN] for one in records.audited() if one.deed is Deed.ERASED]
    assert set(left) <= {name for names in told for name in names}, "why they are missing stands in the audit log"
    assert (of(records, snapshots.c.id), of(records, frozen_events.c.id)) == ([], [])


def test_a_hold_of_some_time_keeps_what_is_frozen_of_it_later(records: SqlRecords) -> None:
    judge(records, a_case("e1"))
    freeze(records)
    take_away(records, "e1")
    time = an_alert("e1", 1).time
    hold(records, HoldScope.RANGE, since=time, until=time + timedelta(minutes=1))
    assert gone(records, over(KeptFor.ALERTS)) == {"snapshot": 2}
    assert of(records, snapshots.c.alert) == [an_alert("e1", 1).id]


def test_an_alert_that_another_case_has_stays_with_it(records: SqlRecords) -> None:
    """One that came to weigh more after it was answered is open again."""
    case = decided(records)
    again = replace(a_case("e1", 1, 3, number=1), state=CaseState.NEW)
    judge(records, again)
    freeze(records)
    assert gone(records, over(KeptFor.DISMISSED)) == {"writing": WRITTEN, "case": 1, "alert": 1, "snapshot": 1}
    assert [one.id for one in records.cases()] == [again.id] != [case.id]
    assert [one.id for one in records.alerts()] == list(again.alerts)


def test_a_crews_case_is_kept_by_a_hold_of_any_member(records: SqlRecords) -> None:
    crew = replace(a_case("e1"), alerts=(an_alert("e1", 1).id, an_alert("e2", 1).id))
    records.settle((), [], [an_alert("e1", 1), an_alert("e2", 1)], [crew])
    records.decide(crew.id, CaseState.CONFIRMED, "known", NOW, "li")
    hold(records, HoldScope.PERSON, "e2", ["e2"])
    assert gone(records, over()) == {}


def test_lone_alerts_go_some_at_a_time(records: SqlRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lapsing, "AT_ONCE", 2)
    judge(records, a_case("e1"), persons=("e2", "e3"))
    freeze(records)
    assert gone(records, over(KeptFor.ALERTS)) == {"alert": 7, "snapshot": 7}
    assert of(records, alerts.c.person) == ["e1", "e1"]
    erased = [one.due.count(Stored.ALERT) for one in records.erasures()]
    assert (sum(erased), len(erased) > 2) == (7, True)


def test_notices_go_once_they_are_over_but_for_the_newest(records: SqlRecords) -> None:
    judge(records, a_case("e4"))
    ended = {"ended": NOW, "state": NoticeState.DONE}
    for one in (
        a_notice("c1", **ended),
        a_notice(a_case("e4").id, "e4", **ended),
        a_notice("c3"),
        a_notice("c4", **ended),
    ):
        records.send_notice(one)
    assert gone(records, over(KeptFor.NOTICES, events=None)) == {"notice": 1}
    left = {one.case for one in records.notices()}
    assert left == {a_case("e4").id, "c3", "c4"}, "of an open case, not ended, the newest"


def test_a_withdrawn_resignation_goes_with_what_it_withdrew(records: SqlRecords) -> None:
    records.save_persons([Person(id="e1", name="李娜", email="li@x.example")], [Link(account="mail:li", person="e1")])
    first, second, third = (NOW + timedelta(days=day) for day in (0, 5, 50))
    filed = [
        Filing(account="mail:li", filed=first, last_day=date(2026, 4, 1)),
        Filing(account="mail:li", filed=second, withdrawn=True),
        Filing(account="mail:li", filed=third, last_day=date(2026, 6, 1)),
        Filing(account="mail:wu", filed=first, last_day=date(2026, 4, 1)),
    ]
    records.save_filings(filed, 30)
    assert gone(records, over(events=second)) == {}, "events of that time may be there"
    hold(records, HoldScope.PERSON, "e1", ["e1"])
    assert gone(records, over(KeptFor.RESIGNATIONS)) == {}
    lift(records)
    assert gone(records, over(KeptFor.RESIGNATIONS)) == {"resignation": 2}
    assert sorted(records.filings(), key=lambda one: one.account) == filed[2:]


def test_a_withdrawal_goes_with_what_it_withdrew_by_another_account(records: SqlRecords) -> None:
    """A list files by mail address, the API withdraws by employee number."""
    links = [Link(account="mail:li", person="e1"), Link(account="login:li", person="e1")]
    records.save_persons([Person(id="e1", name="李娜", email="li@x.example")], links)
    with records.database.writing() as connection:
        see_accounts(connection, "s", {"employee:77": ["login:li"]})
    later = NOW + timedelta(days=120)
    filed = [
        Filing(account="mail:li", filed=NOW, last_day=date(2026, 4, 1)),
        Filing(account="employee:77", filed=NOW + timedelta(days=5), withdrawn=True),
        Filing(account="mail:li", filed=later, last_day=date(2026, 8, 1)),
        Filing(account="employee:77", filed=later + timedelta(days=1), withdrawn=True),
    ]

    def stage() -> Stage:
        who = (records.persons(), records.links(), records.filings(), records.accounts())
        return Directory(*who, CompanyCalendar()).stage("e1", later - timedelta(days=1))

    records.save_filings(filed, 30)
    assert stage() is Stage.ACTIVE
    hold(records, HoldScope.PERSON, "e1", ["e1"])
    assert gone(records, over(KeptFor.RESIGNATIONS)) == {}
    lift(records)
    assert gone(records, over(KeptFor.RESIGNATIONS)) == {"resignation": 2}
    assert sorted(records.filings(), key=lambda one: one.filed) == filed[2:]
    assert stage() is Stage.ACTIVE


def test_an_approval_goes_alone_where_others_have_its_number(
    records: SqlRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lapsing, "AT_ONCE", 1)
    old, new = NOW + timedelta(days=1), LATER + timedelta(days=1)
    whole = {"recipients": ["x@y.example"], "files": [], "purpose": "tender", "since": NOW, "filed": NOW}
    of_kind = {
        ApprovalKind.APPROVAL: ("mail:li", old),
        ApprovalKind.CHANGE: ("mail:wu", old),
        ApprovalKind.HANDOVER: ("mail:li", new),
    }
    for kind, (account, until) in of_kind.items():
        made = Approval(id="1", kind=kind, account=account, until=until, **whole)  # type: ignore[arg-type]
        records.save_approvals([made])
    hold(records, HoldScope.PERSON, "mail:wu", ["mail:wu"])
    assert gone(records, over(KeptFor.GROUNDS)) == {"ground": 1}
    assert [one.kind for one in records.approvals()] == [ApprovalKind.CHANGE, ApprovalKind.HANDOVER]
    lift(records)
    assert gone(records, over(KeptFor.GROUNDS)) == {"ground": 1}
    assert [one.kind for one in records.approvals()] == [ApprovalKind.HANDOVER]


def test_those_that_share_all_but_their_kind_all_go_some_at_a_time(
    records: SqlRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lapsing, "AT_ONCE", 2)
    whole = {"recipients": ["x@y.example"], "files": [], "purpose": "tender", "since": NOW, "filed": NOW}
    for name in ("1", "2", "3"):
        for kind in ApprovalKind:
            made = Approval(id=name, kind=kind, account="mail:li", until=NOW, **whole)  # type: ignore[arg-type]
            records.save_approvals([made])
    assert gone(records, over(KeptFor.GROUNDS)) == {"ground": 9}
    assert records.approvals() == []


@pytest.mark.parametrize("named", ["e1", "LI@x.example", "mail:li@x.example", "lina", "CORP\\lina", "login:corp\\lina"])
def test_a_hold_keeps_exceptions_however_they_name_the_person(records: SqlRecords, named: str) -> None:
    links = [Link(account=account, person="e1") for account in ("mail:li@x.example", "login:lina")]
    records.save_persons([Person(id="e1", name="李娜", email="li@x.example")], links)
    until = NOW + timedelta(days=1)
    for name, person in (("x1", named), ("x2", "wu@x.example")):
        made = RuleException(
            id=name, rule="r", person=person, reason="x", owner="li", since=NOW, expires=until, filed=NOW
        )
        records.save_exception(made)
    hold(records, HoldScope.PERSON, "e1", ["e1"])
    assert gone(records, over(KeptFor.GROUNDS)) == {"ground": 1}
    assert [one.id for one in records.exceptions()] == ["x1"]


def test_approvals_and_exceptions_go_once_they_are_over(records: SqlRecords) -> None:
    old, new = NOW + timedelta(days=1), LATER + timedelta(days=1)
    whole = {"recipients": ["x@y.example"], "files": [], "purpose": "tender", "since": NOW, "filed": NOW}
    for name, until in (("a1", old), ("a2", new)):
        made = Approval(id=name, kind=ApprovalKind.APPROVAL, account="mail:li", until=until, **whole)  # type: ignore[arg-type]
        records.save_approvals([made])
    for name, until in (("x1", old), ("x2", new)):
        records.save_exception(
            RuleException(id=name, rule="r", person="e1", reason="x", owner="li", since=NOW, expires=until, filed=NOW)
        )
    assert gone(records, over(events=None)) == {}
    assert gone(records, over(KeptFor.GROUNDS)) == {"ground": 2}
    assert [one.id for one in records.approvals()] == ["a2"]
    assert [one.id for one in records.exceptions()] == ["x2"]


def test_a_case_of_a_number_that_was_split_goes_like_any(records: SqlRecords) -> None:
    case = decided(records)
    assert case.id == case_id("e1", 0)
    with records.database.writing() as connection:
        connection.execute(
            sa.text("insert into case_splits values (:a, :p, :n, 0)"), {"a": case.alerts[0], "p": "e1", "n": 1_000_000}
        )
    assert gone(records, over(KeptFor.DISMISSED))["case"] == 1
    assert records.splits() == {}
