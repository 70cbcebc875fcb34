"""What people do with cases is kept beside them, noted and told, whoever judges meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from storing import an_alert

from core.alert import Severity
from core.case import Case, CaseState, case_id
from core.casefiles import Attachment, Comment, SavedView, Task
from core.errors import Refused, Stale
from core.happening import Kind
from core.triage import (
    FIRST_SPLIT,
    Change,
    Counts,
    Decision,
    Step,
    Term,
    Wanted,
    Work,
    WorkState,
    contents_of,
)
from core.words import terms_of
from store.records import SqlRecords, triage
from store.records.database import migrate
from store.records.tables import metadata

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
EVER, FOREVER = date(1970, 1, 1), date(9999, 12, 31)


def a_case(person: str = "e1", *days: int, number: int = 0, state: CaseState = CaseState.NEW) -> Case:
    alerts = tuple(an_alert(person, day).id for day in days or (1, 2))
    opened = NOW + timedelta(hours=number)
    scores = tuple(40.0 for _ in alerts)
    return Case(
        id=case_id(person, number),
        person=person,
        number=number,
        state=state,
        opened=opened,
        score=80.0,
        alerts=alerts,
        scores=scores,
    )


def judge(records: SqlRecords, *cases: Case, persons: tuple[str, ...] = ()) -> None:
    of = sorted({case.person for case in cases} | set(persons))
    alerts = [an_alert(person, day) for person in of for day in (1, 2, 3)]
    records.settle((), [(person, EVER, FOREVER) for person in of], alerts, cases)


def step(before: Work, kind: Step = Step.MOVED, why: str = "", **after: object) -> Change:
    changed = replace(before, version=before.version + 1, **after)  # type: ignore[arg-type]
    return Change(before=before, after=changed, step=kind, at=NOW, by="li", why=why)


def work(records: SqlRecords, case: Case) -> Work:
    return records.work([case.id])[case.id]


def decision(records: SqlRecords, case: Case, verdict: CaseState = CaseState.BENIGN, at: datetime = NOW) -> Decision:
    return Decision(
        case=case.id,
        version=work(records, case).version,
        contents=contents_of(case),
        verdict=verdict,
        reason="客户名单 for the auditors",
        at=at,
        by="li",
        because="approved" if verdict is CaseState.BENIGN else "",
    )


def steps(records: SqlRecords, case: Case) -> list[str]:
    return [str(one.details.get("step", one.deed.value)) for one in records.history(case.id)]


def told(records: SqlRecords, *kinds: Kind) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.subject, tuple(one.to)) for one in records.happened(-1, 1_000, kinds)]


def test_work_on_a_case_survives_that_its_person_is_judged_again(records: SqlRecords) -> None:
    case = a_case()
    judge(records, case)
    assert work(records, case) == Work(case=case.id)
    records.change([step(work(records, case), state=WorkState.IN_REVIEW, assignee="li", due=NOW)])
    before = work(records, case)
    judge(records, a_case("e1", 1, 2, 3))
    assert work(records, case) == before
    judge(records, persons=("e1",))
    judge(records, case)
    assert (work(records, case), before.version) == (before, 1), "even when the case was gone for a while"


def test_a_step_is_noted_and_told_with_what_was_before_and_after(records: SqlRecords) -> None:
    case = a_case()
    judge(records, case)
    records.change([step(work(records, case), state=WorkState.TO_LEGAL, handed_over=NOW, why="a contract")])
    records.change([step(work(records, case), Step.ASSIGNED, assignee="wang")])
    first, second = records.history(case.id)
    assert (first.by, first.why, first.about) == ("li", "a contract", ("e1", case.id))
    assert first.details == {
        "step": "moved",
        "before": {"state": "new"},
        "after": {"state": "escalated_legal"},
    }
    assert second.details["after"] == {"assignee": "wang"}
    assert [one.number for one in records.history(case.id, after=first.number)] == [second.number]
    assert told(records, Kind.CASE_MOVED) == [(case.id, ("role:legal",))]
    assert told(records, Kind.CASE_ASSIGNED) == [(case.id, ("user:wang",))]


def test_nobodys_change_is_lost(records: SqlRecords) -> None:
    case = a_case()
    judge(records, case)
    seen = work(records, case)
    records.change([step(seen, assignee="li")])
    with pytest.raises(Stale):
        records.change([step(seen, assignee="wang")])
    assert work(records, case).assignee == "li"
    assert steps(records, case) == ["moved"]


def test_of_many_who_change_the_same_version_at_once_one_succeeds(records: SqlRecords) -> None:
    case = a_case()
    judge(records, case)
    seen = work(records, case)

    def change(number: int) -> bool:
        try:
            records.change([step(seen, Step.ASSIGNED, assignee=f"u{number}")])
        except Stale:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(change, range(12)))
    assert done.count(True) == 1
    assert (work(records, case).version, len(steps(records, case))) == (1, 1)
    assert work(records, case).assignee == f"u{done.index(True)}"


def test_several_changes_are_made_or_none(records: SqlRecords) -> None:
    one, other = a_case("e1"), a_case("e2")
    judge(records, one, other)
    stale = replace(step(work(records, other)), before=replace(work(records, other), version=7))
    with pytest.raises(Stale):
        records.change([step(work(records, one), assignee="li"), stale])
    assert work(records, one).version == 0
    assert steps(records, one) == []


def test_a_kill_in_between_leaves_nothing_half_done(records: SqlRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = a_case("e1"), a_case("e2")
    judge(records, one, other)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    acts: list[Callable[[], object]] = [
        lambda: records.change([step(work(records, one), assignee="li")]),
        lambda: records.decide_all([decision(records, one)]),
        lambda: records.join(step(work(records, one), Step.JOINED), [other.id]),
        lambda: records.split(step(work(records, one), Step.SPLIT), a_case("e1", 1), a_case("e1", 2)),
    ]
    with monkeypatch.context() as patched:
        patched.setattr(triage, "happen_in", killed)
        for act in acts:
            with pytest.raises(KeyboardInterrupt):
                act()
    assert list(records.cases()) == [one, other]
    assert work(records, one) == Work(case=one.id)
    assert (records.history(one.id), records.pending(), dict(records.splits())) == ([], [], {})


def test_a_decision_answers_what_was_seen_and_nothing_else(records: SqlRecords) -> None:
    case = a_case()
    judge(records, case)
    made = decision(records, case)
    judge(records, a_case("e1", 1, 2, 3))
    with pytest.raises(Stale, match="alerts"):
        records.decide_all([made])
    made = decision(records, a_case("e1", 1, 2, 3))
    records.change([step(work(records, case), assignee="wang")])
    with pytest.raises(Stale):
        records.decide_all([made])
    made = decision(records, a_case("e1", 1, 2, 3))
    records.decide_all([made])
    (decided,) = records.cases()
    assert (decided.state, decided.decided_by, decided.reason) == (CaseState.BENIGN, "li", made.reason)
    assert (work(records, case).because, work(records, case).version) == ("approved", 2)
    assert [mark.subject for mark in records.pending()] == ["person:e1"]
    with pytest.raises(Refused, match="decided"):
        records.decide_all([decision(records, decided)])
    with pytest.raises(Refused, match="decided"):
        records.change([step(work(records, case))])


def test_a_decision_while_the_judge_writes_the_case_anew_is_not_lost(records: SqlRecords) -> None:
    case = a_case()
    judge(records, case)
    made = decision(records, case)
    table = metadata.tables["cases"]
    with ThreadPoolExecutor(1) as pool:
        with records.database.writing(alone=False) as connection:
            row = connection.execute(sa.delete(table).where(table.c.id == case.id).returning(table)).mappings().one()
            connection.execute(sa.insert(table).values(dict(row)))
            deciding = pool.submit(records.decide_all, [made])
            time.sleep(0.3)
        deciding.result(30)
    assert [one.state for one in records.cases()] == [CaseState.BENIGN]


def test_a_decision_that_did_not_happen_opens_the_case_again(records: SqlRecords) -> None:
    case = a_case()
    judge(records, case)
    records.decide_all([decision(records, case)])
    judge(records, a_case("e1", 3, number=1))
    records.reopen(step(work(records, case), Step.REOPENED, because=""))
    assert list(records.cases()) == [case], "what came after it is gathered anew"
    assert [mark.subject for mark in records.pending()] == ["person:e1"]
    assert (steps(records, case), work(records, case).because) == (["decided", "reopened"], "")
    with pytest.raises(Refused, match="open"):
        records.reopen(step(work(records, case), Step.REOPENED))


def test_a_case_is_not_opened_again_when_people_have_gone_on_from_it(records: SqlRecords) -> None:
    case, later = a_case(), a_case("e1", 3, number=1)
    judge(records, case)
    records.decide_all([decision(records, case)])
    judge(records, later)
    records.change([step(work(records, later), assignee="wang")])
    with pytest.raises(Refused, match="work on"):
        records.reopen(step(work(records, case), Step.REOPENED))
    records.decide_all([decision(records, later, CaseState.CONFIRMED)])
    with pytest.raises(Refused, match="later case"):
        records.reopen(step(work(records, case), Step.REOPENED))
    assert [one.state for one in records.cases()] == [CaseState.BENIGN, CaseState.CONFIRMED]


def test_joined_cases_are_one_in_the_list_and_are_decided_together(records: SqlRecords) -> None:
    one, other, third = cases = a_case("e1"), a_case("e2"), a_case("e3")
    judge(records, *cases)
    records.join(step(work(records, other), Step.JOINED), [third.id])
    records.join(step(work(records, one), Step.JOINED, why="the same plan"), [other.id])
    assert records.joined([one.id]) == {one.id: sorted([other.id, third.id])}
    assert list(records.worklist(Wanted(), None, 10)) == [one]
    with pytest.raises(Refused, match="worked on with"):
        records.decide(third.id, CaseState.BENIGN, "x", NOW)
    judge(records, other)
    assert work(records, other).lead == one.id
    records.decide_all([decision(records, one)])
    assert {case.state for case in records.cases()} == {CaseState.BENIGN}
    assert [subject for subject, _ in told(records, Kind.CASE_DECIDED)] == [one.id, *sorted([other.id, third.id])]
    assert {mark.subject for mark in records.pending()} == {"person:e1", "person:e2", "person:e3"}
    with pytest.raises(Refused):
        records.part(step(work(records, one), Step.PARTED), [other.id])
    records.reopen(step(work(records, one), Step.REOPENED))
    assert {case.state for case in records.cases()} == {CaseState.NEW}
    records.part(step(work(records, one), Step.PARTED), [other.id])
    assert {case.id for case in records.worklist(Wanted(), None, 10)} == {one.id, other.id}
    with pytest.raises(Refused, match="not worked on with"):
        records.part(step(work(records, one), Step.PARTED), [other.id])


def test_who_was_joined_to_a_case_that_is_gone_works_by_itself(records: SqlRecords) -> None:
    one, other = a_case("e1"), a_case("e2")
    judge(records, one, other)
    records.join(step(work(records, one), Step.JOINED), [other.id])
    judge(records, persons=("e1",))
    assert list(records.worklist(Wanted(), None, 10)) == [other]
    assert work(records, other).lead == ""
    records.decide_all([decision(records, other)])


def test_a_case_is_joined_to_one_other_alone(records: SqlRecords) -> None:
    one, other, third = cases = a_case("e1"), a_case("e2"), a_case("e3")
    judge(records, *cases)
    records.join(step(work(records, one), Step.JOINED), [other.id])
    with pytest.raises(Refused, match="worked on with"):
        records.join(step(work(records, third), Step.JOINED), [other.id])
    records.decide_all([decision(records, third)])
    with pytest.raises(Refused, match="decided"):
        records.join(step(work(records, one), Step.JOINED), [third.id])


def test_alerts_that_are_taken_out_are_a_case_at_once(records: SqlRecords) -> None:
    case = a_case("e1", 1, 2, 3)
    judge(records, case)
    change = step(work(records, case), Step.SPLIT, why="another matter")
    made = records.split(change, replace(a_case("e1", 1, 2), score=50.0), a_case("e1", 3))
    assert (made.number, made.id) == (FIRST_SPLIT, case_id("e1", FIRST_SPLIT))
    assert {one.id: one.alerts for one in records.cases()} == {
        case.id: case.alerts[:2],
        made.id: case.alerts[2:],
    }
    assert {split.number: split.origin for split in records.splits().values()} == {FIRST_SPLIT: 0}
    assert [mark.subject for mark in records.pending()] == ["person:e1"]
    assert (steps(records, case), steps(records, made)) == (["split"], ["split"])
    with pytest.raises(Stale):
        records.split(step(work(records, case), Step.SPLIT), a_case("e1", 1), a_case("e1", 2, 3))
    again = records.split(step(work(records, case), Step.SPLIT), a_case("e1", 1), a_case("e1", 2))
    assert again.number == FIRST_SPLIT + 1


def test_what_was_handed_over_is_what_legal_sees(records: SqlRecords) -> None:
    one, other, _ = cases = a_case("e1"), a_case("e2"), a_case("e3")
    judge(records, *cases)
    given = {"state": WorkState.TO_LEGAL, "handed_over": NOW}
    records.change([step(work(records, one), **given)])
    records.join(step(work(records, one), Step.JOINED), [other.id])
    ids = [case.id for case in cases]
    assert records.handed_over(ids) == {one.id, other.id}
    assert list(records.worklist(Wanted(handed_over=True), None, 10)) == [one]
    records.decide_all([decision(records, one)])
    assert records.handed_over(ids) == {one.id, other.id}


def test_the_list_is_narrowed_down_and_comes_a_page_at_a_time(records: SqlRecords) -> None:
    cases = [replace(a_case(f"e{number}"), opened=NOW + timedelta(days=number // 2)) for number in range(6)]
    judge(records, *cases)
    records.change([step(work(records, cases[0]), state=WorkState.IN_REVIEW, assignee="li", due=NOW)])
    records.decide_all([decision(records, cases[1])])

    def found(**asked: object) -> set[str]:
        return {case.person for case in records.worklist(Wanted(**asked), None, 10)}  # type: ignore[arg-type]

    newest = sorted(cases, key=lambda case: (case.opened, case.id), reverse=True)
    first = records.worklist(Wanted(), None, 4)
    assert [case.id for case in first] == [case.id for case in newest[:4]]
    rest = records.worklist(Wanted(), (first[-1].opened, first[-1].id), 4)
    assert [case.id for case in rest] == [case.id for case in newest[4:]]
    assert found(states=frozenset({WorkState.IN_REVIEW})) == {"e0"}
    assert found(states=frozenset({WorkState.CLOSED, WorkState.IN_REVIEW})) == {"e0", "e1"}
    assert found(states=frozenset({WorkState.NEW})) == {"e2", "e3", "e4", "e5"}
    assert found(verdicts=frozenset({CaseState.BENIGN})) == {"e1"}
    assert found(assignee="li") == {"e0"}
    assert len(found(assignee="")) == 5
    assert found(due=NOW + timedelta(seconds=1)) == {"e0"}
    assert found(due=NOW) == set()
    assert len(found(severity=Severity.HIGH)) == 6
    assert found(severity=Severity.CRITICAL) == set()
    assert found(score=80.5) == set()
    assert found(since=NOW + timedelta(days=2)) == {"e4", "e5"}
    assert found(until=NOW + timedelta(days=1)) == {"e0", "e1"}


def says(records: SqlRecords, query: str, *rules: str) -> set[str]:
    terms = tuple(Term(words=words, rules=frozenset(rules)) for words in terms_of(query))
    return {case.person for case in records.worklist(Wanted(terms=terms), None, 10)}


def test_cases_are_found_by_what_people_wrote(records: SqlRecords) -> None:
    cases = [a_case(f"e{number}") for number in range(5)]
    judge(records, *cases)
    said = Comment(id="m1", case=cases[0].id, text="导出了客户名单 twice", by="li", at=NOW)
    records.add_comment(said, ["user:wang"])
    records.add_comment(Comment(id="m2", case=cases[1].id, text="名单里的客户", by="li", at=NOW))
    records.add_task(Task(id="t1", case=cases[2].id, title="Ask about the list", by="li", at=NOW))
    records.decide_all([decision(records, cases[3])])
    assert says(records, "客户名单") == {"e0"}
    assert says(records, "TWICE 名单") == {"e0"}
    assert says(records, "list") == {"e2"}
    assert says(records, "auditors") == set(), "a reason may name who is masked"
    assert says(records, "list", "mass_export") == {"e0", "e1", "e2", "e3", "e4"}
    records.join(step(work(records, cases[4]), Step.JOINED), [cases[0].id])
    assert says(records, "twice") == {"e4"}
    assert told(records, Kind.CASE_COMMENTED) == [(cases[0].id, ("user:wang",)), (cases[1].id, ())]


def test_what_was_written_is_read_where_it_has_the_words(records: SqlRecords) -> None:
    cases = [a_case(f"e{number}") for number in range(3)]
    judge(records, *cases)
    for number, text in enumerate(("客户名单 twice", "名单", "nothing")):
        records.add_comment(Comment(id=f"m{number}", case=cases[0].id, text=text, by="li", at=NOW))
    records.add_task(Task(id="t1", case=cases[1].id, title="twice the list", by="wang", at=NOW))
    records.add_comment(Comment(id="x", case=cases[2].id, text="twice", by="li", at=NOW))
    file = Attachment(id="f", case=cases[1].id, name="客户.txt", kind="txt", size=1, sha256="s", by="li", at=NOW)
    records.attach(file, b"x", 10)
    withdrawn = Comment(id="m1", case=cases[0].id, text="", by="li", at=NOW, withdrawn=True)
    records.change_comment(withdrawn, at=NOW)

    def written(query: str, *of: Case) -> list[tuple[str, str, str]]:
        found = records.written([case.id for case in of], terms_of(query))
        return sorted((one.case, one.by, one.text) for one in found)

    one, two, _ = (case.id for case in cases)
    assert written("名单", *cases) == [(one, "li", "客户名单 twice")]
    assert written("twice 客户", cases[0], cases[1]) == sorted(
        [(one, "li", "客户名单 twice"), (two, "wang", "twice the list"), (two, "li", "客户.txt")]
    )
    assert written("nowhere", *cases) == written("twice") == []


def test_a_comment_that_was_changed_or_withdrawn_keeps_what_it_said(records: SqlRecords) -> None:
    case = a_case()
    judge(records, case)
    comment = Comment(id="m1", case=case.id, text="first", by="li", at=NOW)
    records.add_comment(comment)
    records.change_comment(replace(comment, text="second"), at=NOW)
    records.change_comment(replace(comment, text="", withdrawn=True), at=NOW)
    (kept,) = records.comments(case.id)
    assert (kept.text, kept.withdrawn, kept.earlier) == ("", True, ("first", "second"))
    assert (says(records, "first"), says(records, "second")) == (set(), set())
    with pytest.raises(Refused, match="withdrawn"):
        records.change_comment(comment, at=NOW)
    assert steps(records, case) == ["commented", "comment_changed", "comment_withdrawn"]
    assert records.counts([case.id]) == {case.id: Counts()}


def test_a_task_is_changed_from_its_newest_version_alone(records: SqlRecords) -> None:
    case = a_case()
    judge(records, case)
    task = Task(id="t1", case=case.id, title="call", by="li", at=NOW, assignee="wang")
    records.add_task(task)
    done = replace(task, done=NOW, done_by="wang", version=2)
    records.change_task(done, at=NOW, by="wang")
    with pytest.raises(Stale):
        records.change_task(replace(task, title="mail", version=2), at=NOW, by="li")
    assert list(records.tasks(case.id)) == [done]
    assert told(records, Kind.TASK_SET) == [(case.id, ("user:wang",))] * 2
    assert records.counts([case.id]) == {case.id: Counts(tasks=1, tasks_open=0)}


def test_equal_files_are_kept_once_and_a_case_holds_so_much_alone(records: SqlRecords) -> None:
    one, other = a_case("e1"), a_case("e2")
    judge(records, one, other)
    file = Attachment(id="f1", case=one.id, name="a.txt", kind="txt", size=4, sha256="ab" * 32, by="li", at=NOW)
    records.attach(file, b"text", 10)
    records.attach(replace(file, id="f2", case=other.id), b"text", 10)
    records.attach(replace(file, id="f3"), b"text", 10)
    with pytest.raises(Refused, match="together"):
        records.attach(replace(file, id="f4"), b"text", 10)
    assert [one.id for one in records.attachments(one.id)] == ["f1", "f3"]
    assert records.attached(file) == b"text"
    with records.database.reading() as connection:
        assert connection.execute(sa.text("select count(*) from attached_files")).scalar() == 1


def test_a_view_is_changed_from_its_newest_version_alone(records: SqlRecords) -> None:
    view = SavedView(id="v1", name="mine", owner="li", role="", filter={"score": 5}, columns=("person",))
    records.save_view(view)
    records.save_view(replace(view, name="ours", role="analyst", version=2))
    with pytest.raises(Stale):
        records.save_view(replace(view, version=2))
    assert [(one.name, one.role, one.filter) for one in records.views()] == [("ours", "analyst", {"score": 5})]
    records.drop_view(view)
    assert records.views() == []


def test_who_and_what_a_case_is_about_follows_its_alerts(records: SqlRecords) -> None:
    case = replace(a_case("e1", 1), alerts=(an_alert("e1", 1).id, an_alert("e2", 2).id), scores=(40.0, 40.0))
    judge(records, case, persons=("e2",))
    about = records.contents([case.id])[case.id]
    assert (about.persons, about.rules, about.severity) == ({"e1", "e2"}, {"mass_export"}, Severity.HIGH)
    judge(records, a_case("e1", 1))
    assert records.contents([case.id])[case.id].persons == {"e1"}
    judge(records, persons=("e1",))
    assert records.contents([case.id])[case.id].persons == frozenset()


def test_cases_of_an_older_database_are_found_by_what_they_are_about(address: str) -> None:
    with closing(SqlRecords(address)) as records:
        judge(records, a_case("e1"), a_case("e2"))
        records.decide(a_case("e2").id, CaseState.BENIGN, "客户名单", NOW)
        before = records.contents([a_case("e1").id, a_case("e2").id])
        with records.database.writing() as connection:
            migrate(connection, "0013")
    with closing(SqlRecords(address)) as records:
        assert records.contents(list(before)) == before
        assert len(records.worklist(Wanted(severity=Severity.HIGH), None, 10)) == 2
        assert says(records, "名单") == set(), "a reason may name who is masked"
