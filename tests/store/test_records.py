"""What the records database promises."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from threading import Event, Thread

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from storing import a_batch, an_alert, an_event

from core.alert import Outcome, Term
from core.case import Case, CaseState, case_id
from core.errors import ConfigError, Refused, Unavailable
from core.grounds import Approval, ApprovalKind, RuleException
from core.person import Filing, Link, Person
from core.ports import Mark, Records
from store.memory import MemoryStore
from store.records import SqlRecords, engines
from store.records.database import migrate
from store.records.tables import metadata
from tests.cluster import fresh_database

EVER, FOREVER = date(1970, 1, 1), date(9999, 12, 31)
FILED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LI = Person(
    id="e1", name="李娜", email="li.na@corp.example", department="Sales", title="Manager", hired=date(2020, 1, 6)
)
WANG = Person(id="e2", name="王伟", email="wang.wei@corp.example", department="Sales")


def a_mark(subject: str, first: int, last: int) -> Mark:
    return Mark(subject=subject, first=date(2026, 3, first), last=date(2026, 3, last))


def a_case(person: str, state: CaseState = CaseState.NEW, number: int = 0) -> Case:
    return Case(
        id=case_id(person, number),
        person=person,
        number=number,
        state=state,
        opened=FILED,
        score=80.5,
        alerts=("x", "y"),
    )


def subjects(records: Records) -> set[str]:
    return {mark.subject for mark in records.pending()}


def settled(records: Records) -> None:
    records.settle(records.pending(), (), (), ())
    assert list(records.pending()) == []


def test_marks_of_one_subject_become_the_run_of_days_that_covers_them(records: SqlRecords) -> None:
    records.add([a_mark("b", 9, 9), a_mark("a", 5, 7), a_mark("a", 3, 4), a_mark("a", 6, 6)])
    records.add([a_mark("a", 4, 12)])
    found = [(mark.subject, mark.first.day, mark.last.day) for mark in records.pending()]
    assert found == [("a", 3, 12), ("b", 9, 9)]


def test_marks_that_are_so_urgent_are_found_alone(records: SqlRecords) -> None:
    records.add([replace(a_mark("a", 5, 7), urgent=6), a_mark("b", 5, 7), replace(a_mark("c", 5, 7), urgent=7)])
    assert [mark.subject for mark in records.pending(7)] == ["c"]
    assert [mark.subject for mark in records.pending(6)] == ["a", "c"]


def test_a_mark_stays_as_urgent_as_it_was_and_waits_since_it_was_made(records: SqlRecords) -> None:
    records.add([replace(a_mark("a", 5, 7), urgent=6)])
    (first,) = records.pending()
    records.add([replace(a_mark("a", 5, 7), urgent=2), a_mark("b", 5, 7)])
    later, other = records.pending()
    assert (later.urgent, later.since) == (6, first.since)
    assert first.since is not None
    assert other.since is not None
    assert other.since > first.since


def test_a_judge_takes_so_many_at_most_in_the_order_asked(records: SqlRecords) -> None:
    persons = [f"person {number:04}" for number in range(1200, 0, -1)]
    with records.take(persons, 700) as mine:
        assert len(mine) == 700
        assert mine >= set(persons[:500]), "the first before all others"
    with records.take(persons[:3], 700) as mine:
        assert mine == set(persons[:3])


@settings(max_examples=20, deadline=None)
@given(runs=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 28), st.integers(0, 3)), max_size=8))
def test_marks_cover_exactly_what_was_added(
    runs: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    records = SqlRecords(f"sqlite:///{tmp_path_factory.mktemp('marks') / 'r.db'}")
    for subject, first, length in runs:
        records.add([a_mark(subject, first, first + length)])
    expected = {
        subject: (min(f for s, f, _ in runs if s == subject), max(f + n for s, f, n in runs if s == subject))
        for subject, _, _ in runs
    }
    assert {m.subject: (m.first.day, m.last.day) for m in records.pending()} == expected
    records.close()


def test_a_mark_renewed_while_judged_survives(records: SqlRecords) -> None:
    records.add([a_mark("a", 1, 1), a_mark("b", 1, 1)])
    judged = records.pending()
    records.add([a_mark("a", 1, 1)])
    records.settle(judged, (), (), ())
    assert subjects(records) == {"a"}


def test_a_slow_judge_does_not_settle_a_mark_made_anew(records: SqlRecords) -> None:
    records.add([a_mark("a", 1, 1)])
    slow = records.pending()
    settled(records)
    records.add([a_mark("a", 1, 1)])
    records.settle(slow, (), (), ())
    assert subjects(records) == {"a"}


@pytest.mark.cluster
def test_marks_are_settled_in_the_order_in_which_they_are_made() -> None:
    with fresh_database() as address, closing(SqlRecords(address)) as records, ThreadPoolExecutor(1) as pool:
        for subject in ("b", "a"):  # they lie in the database as they came
            records.add([a_mark(subject, 1, 1)])
        settling = sa.select(metadata.tables["marks"]).where(sa.column("subject") == "a").with_for_update()
        engine = sa.create_engine(address.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
        with engine.begin() as other:
            other.execute(settling).all()
            done = pool.submit(records.settle, records.pending(), [], [], [])
            time.sleep(0.5)
            assert not done.done()
            other.exec_driver_sql("select 1 from marks where subject = 'b' for update nowait")
        done.result()
        assert subjects(records) == set()


def test_a_mark_is_spread_over_others_unless_it_was_renewed(records: SqlRecords) -> None:
    records.add([a_mark("*", 1, 9)])
    (everybody,) = records.pending()
    records.spread(everybody, [a_mark("person:a", 1, 9), a_mark("person:b", 1, 9)])
    assert subjects(records) == {"person:a", "person:b"}
    records.spread(everybody, [a_mark("person:c", 1, 9)])
    records.add([a_mark("*", 3, 3)])
    records.spread(everybody, [a_mark("person:a", 1, 9)])
    assert subjects(records) == {"*", "person:a", "person:b", "person:c"}


def test_no_two_judges_have_one_person(records: SqlRecords, address: str) -> None:
    other = SqlRecords(address)
    begun, done = Event(), Event()
    seen: list[frozenset[str]] = []

    def second() -> None:
        begun.set()
        with other.take(["b", "c"], 9) as mine:
            seen.append(mine)
        done.set()

    with records.take(["a", "b"], 9) as mine:
        assert mine == {"a", "b"}
        thread = Thread(target=second)
        thread.start()
        assert begun.wait(5)
        if done.wait(1):
            assert seen == [{"c"}], "the others at once, where judges share"
        else:
            assert not seen, "nobody, where they take turns"
        records.add([a_mark("person:a", 1, 1)])
    thread.join(10)
    assert done.is_set()
    with other.take(["a", "b"], 9) as mine:
        assert mine == {"a", "b"}
    other.close()


def test_a_judge_that_dies_lets_go(records: SqlRecords, address: str) -> None:
    code = (
        "import sys, time; from store.records import SqlRecords\n"
        "with SqlRecords(sys.argv[1]).take(['a'], 9): print('has it', flush=True); time.sleep(60)"
    )
    judge = subprocess.Popen([sys.executable, "-c", code, address], stdout=subprocess.PIPE, text=True)
    assert judge.stdout
    assert judge.stdout.readline() == "has it\n"
    judge.kill()
    judge.wait()
    judge.stdout.close()
    deadline = time.monotonic() + 10
    mine: frozenset[str] = frozenset()
    while not mine and time.monotonic() < deadline:
        with records.take(["a"], 9) as mine:
            pass
    assert mine == {"a"}


def test_one_process_at_a_time_does_a_job(records: SqlRecords, address: str) -> None:
    other = SqlRecords(address)
    order = []

    def second() -> None:
        with other.alone("nightly"):
            order.append("second")

    with records.alone("nightly"), records.alone("another"):
        thread = Thread(target=second)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    other.close()


def test_settling_makes_the_alerts_of_the_judged_days_exactly_the_new_ones(records: SqlRecords) -> None:
    kept, moved, other = an_alert("e1", 1), an_alert("e1", 5), an_alert("e2", 5)
    records.settle((), [("e1", date(2026, 3, 1), date(2026, 3, 9))], [kept, moved, other], ())
    assert records.alerts() == sorted([kept, moved, other], key=lambda alert: (alert.time, alert.id))
    newer = an_alert("e1", 6)
    records.settle((), [("e1", date(2026, 3, 2), date(2026, 3, 9))], [newer], ())
    assert [(alert.person, alert.day.day) for alert in records.alerts()] == [("e1", 1), ("e2", 5), ("e1", 6)]


def test_an_alert_written_again_keeps_when_it_was_detected(records: SqlRecords) -> None:
    span = ("e1", date(2026, 3, 1), date(2026, 3, 1))
    records.settle((), [span], [an_alert("e1", 1)], ())
    (found,) = records.alerts()
    detected = records.detected_at([found.id])
    records.settle((), [span], [an_alert("e1", 1, score=55.0)], ())
    assert [alert.score for alert in records.alerts()] == [55.0]
    assert records.detected_at([found.id, "unknown"]) == detected


def news(records: Records) -> dict[str, float | None]:
    return {one.alert: one.now and one.now.score for one in records.untold(99)}


def test_what_came_changed_or_went_is_news_until_told(records: SqlRecords) -> None:
    one, two = an_alert("p1", 2), an_alert("p1", 3)
    days = [("p1", date(2026, 3, 1), date(2026, 3, 9))]
    records.settle((), days, [one, two], ())
    assert news(records) == {one.id: 40.0, two.id: 40.0}
    records.told(records.untold(99))
    records.settle((), days, [one, two], ())
    assert news(records) == {}, "an alert written again is none"
    records.settle((), days, [replace(one, score=50.0)], ())
    assert news(records) == {one.id: 50.0, two.id: None}
    assert {found.person for found in records.untold(99)} == {"p1"}
    assert len(records.untold(1)) == 1


def test_news_that_changed_while_being_told_stays_news(records: SqlRecords) -> None:
    days = [("p1", date(2026, 3, 1), date(2026, 3, 9))]
    records.settle((), days, [an_alert("p1", 2)], ())
    telling = records.untold(99)
    records.settle((), days, [], ())
    records.told(telling)
    assert news(records) == {an_alert("p1", 2).id: None}


def test_alerts_come_by_person_and_time_and_by_id(records: SqlRecords) -> None:
    made = [an_alert("e1", 1), an_alert("e2", 2), an_alert("e1", 3)]
    records.settle((), (), made, ())
    assert records.alerts(persons=["e1"]) == [made[0], made[2]]
    assert records.alerts(persons=[]) == []
    assert records.alerts(since=made[1].time, until=made[2].time) == [made[1]], "the end is not included"
    assert records.alert(made[1].id) == made[1]
    assert records.alert("unknown") is None


def test_open_cases_become_the_new_ones_and_decided_ones_stay(records: SqlRecords) -> None:
    decided = a_case("e1", CaseState.CONFIRMED)
    records.settle((), (), (), [decided, a_case("e1", number=1), a_case("e2")])
    records.settle((), [("e1", EVER, FOREVER)], (), ())
    assert {(case.person, case.state) for case in records.cases()} == {
        ("e1", CaseState.CONFIRMED),
        ("e2", CaseState.NEW),
    }
    assert records.cases(persons=["e1"]) == [decided]


def test_nothing_is_settled_when_one_part_fails(records: SqlRecords) -> None:
    records.add([a_mark("a", 1, 1)])
    records.settle((), (), [an_alert("e1", 1)], ())
    broken = replace(a_case("e1"), person=None)  # type: ignore[arg-type]
    with pytest.raises(sa.exc.DBAPIError):
        records.settle(records.pending(), [("e1", EVER, FOREVER)], [an_alert("e1", 2)], [broken])
    assert [alert.day.day for alert in records.alerts()] == [1]
    assert subjects(records) == {"a"}


def test_thousands_of_persons_settle_in_reasonable_time(records: SqlRecords) -> None:
    persons = [f"e{number}" for number in range(5_000)]
    records.add([Mark(subject=person, first=EVER, last=FOREVER) for person in persons])
    alerts = [an_alert(person, day) for person in persons for day in (1, 2)]
    start = time.monotonic()
    spans = [(person, EVER, FOREVER) for person in persons]
    for _ in range(2):
        records.settle(records.pending(), spans, alerts, [a_case(person) for person in persons])
    assert time.monotonic() - start < 30
    assert len(records.alerts(persons=persons)) == len(alerts)
    assert list(records.pending()) == []


def test_equal_alerts_are_equal_bytes(records: SqlRecords) -> None:
    def stored() -> list[object]:
        with records.database.reading() as connection:
            return [tuple(row) for row in connection.execute(sa.text("select facts, terms, events from alerts"))]

    alert = an_alert("e1", 1)
    records.settle((), (), [alert], ())
    before = stored()
    records.settle((), (), [replace(alert, facts=dict(reversed(alert.facts.items())))], ())
    assert stored() == before


def test_the_same_employees_again_mark_nothing(records: SqlRecords) -> None:
    links = [Link(account="mail:li.na@corp.example", person="e1"), Link(account="employee:1", person="e1", since=FILED)]
    records.save_persons([LI, WANG], links)
    assert list(records.persons()) == [LI, WANG]
    assert sorted(records.links(), key=repr) == sorted(links, key=repr)
    assert subjects(records) == {"person:e1", "person:e2", "mail:li.na@corp.example", "employee:1"}
    assert {(mark.first, mark.last) for mark in records.pending()} == {(EVER, FOREVER)}
    settled(records)
    elsewhere = FILED.astimezone(timezone(timedelta(hours=8)))
    records.save_persons([WANG, LI], [links[0], replace(links[1], since=elsewhere)])
    assert list(records.pending()) == []
    assert len(records.links()) == 2


def test_a_change_that_rules_can_see_is_judged_again(records: SqlRecords) -> None:
    records.save_persons([LI, WANG], [])
    settled(records)
    records.save_persons([replace(LI, name="Li Na", manager_email="boss@corp.example"), WANG], [])
    assert list(records.pending()) == [], "no rule knows the name"
    records.save_persons([replace(LI, name="Li Na", department="Support")], [])
    assert subjects(records) == {"person:e1"}
    assert {person.id: person.department for person in records.persons()} == {"e1": "Support", "e2": "Sales"}


def test_a_link_that_moves_is_judged_again_for_both_persons(records: SqlRecords) -> None:
    records.save_persons([LI, WANG], [Link(account="login:ln", person="e1")])
    settled(records)
    records.save_persons([LI, WANG], [Link(account="login:ln", person="e2")])
    assert subjects(records) == {"login:ln", "person:e1", "person:e2"}
    assert list(records.links()) == [Link(account="login:ln", person="e2")]


def test_links_of_other_origins_outlive_an_import_of_employees(records: SqlRecords) -> None:
    by_hand = Link(account="salesforce:005", person="e1", origin="manual")
    records.save_persons([LI], [by_hand])
    records.save_persons([LI], [Link(account="login:ln", person="e1")])
    assert set(records.links()) == {by_hand, Link(account="login:ln", person="e1")}


def test_links_to_persons_not_in_the_list_are_kept_once(records: SqlRecords) -> None:
    link = Link(account="login:x", person="e9")
    records.save_persons([], [link])
    records.save_persons([], [link])
    assert list(records.links()) == [link]


def test_a_changed_link_has_every_account_it_speaks_for_judged_again(records: SqlRecords) -> None:
    events = [
        an_event(1, user__account="login:corp\\ln", user__email="li.na@corp.example"),
        an_event(2, user__account="login:other"),
    ]
    MemoryStore(records).append(a_batch(events), [])
    records.save_persons([LI], [Link(account="mail:li.na@corp.example", person="e1")])
    both = {"login:corp\\ln", "person:login:corp\\ln"}
    assert both <= subjects(records), "judged as its person's, and as itself, which it was until now"
    assert "login:other" not in subjects(records)
    settled(records)
    records.save_persons([LI], [])
    assert both <= subjects(records), "no link leads there any more, but it is judged as itself again"
    settled(records)
    records.save_persons([LI], [Link(account="login:ln", person="e1")])
    assert both <= subjects(records), "a login without its domain"


def test_a_filing_marks_the_days_it_looks_back_on_once(records: SqlRecords) -> None:
    filing = Filing(account="mail:li.na@corp.example", filed=FILED, last_day=date(2026, 3, 31))
    records.save_filings([filing], 180)
    (mark,) = records.pending()
    assert (mark.subject, mark.last) == (filing.account, FOREVER)
    assert mark.first <= FILED.date() - timedelta(days=180)
    settled(records)
    records.save_filings([filing], 180)
    assert list(records.pending()) == []
    records.save_filings([replace(filing, last_day=date(2026, 4, 30))], 180)
    assert subjects(records) == {filing.account}
    assert [found.last_day for found in records.filings()] == [date(2026, 4, 30)]


def test_a_withdrawal_is_a_filing_of_its_own(records: SqlRecords) -> None:
    filing = Filing(account="mail:li.na@corp.example", filed=FILED, last_day=date(2026, 3, 31))
    withdrawal = Filing(account=filing.account, filed=FILED, withdrawn=True)
    records.save_filings([filing], 180)
    settled(records)
    records.save_filings([filing, withdrawal], 180)
    assert subjects(records) == {filing.account}
    assert list(records.filings()) == [filing, withdrawal]


def test_of_two_rows_about_one_filing_the_later_counts_whenever_imported(records: SqlRecords) -> None:
    filing = Filing(account="employee:1", filed=FILED, last_day=date(2026, 3, 31))
    twice = [filing, replace(filing, last_day=date(2026, 4, 1))]
    records.save_filings(twice, 180)
    settled(records)
    records.save_filings(twice, 180)
    assert list(records.pending()) == []
    assert list(records.filings()) == twice[1:]


def test_a_filing_of_the_year_one_is_kept(records: SqlRecords) -> None:
    filing = Filing(account="employee:1", filed=datetime(1, 1, 2, tzinfo=UTC))
    records.save_filings([filing], 400)
    assert list(records.filings()) == [filing]
    assert [mark.first for mark in records.pending()] == [EVER]


def test_settings_are_kept(records: SqlRecords) -> None:
    assert records.setting("rules_version") is None
    records.set_setting("rules_version", "1")
    records.set_setting("rules_version", "2")
    assert records.setting("rules_version") == "2"


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / '50%.db'}"
    first = SqlRecords(url)
    first.settle((), (), [an_alert("e1", 1)], [a_case("e1")])
    first.close()
    again = SqlRecords(url)
    assert again.alerts() == [an_alert("e1", 1)]
    assert again.cases() == [a_case("e1")]
    again.close()


def test_the_migrations_make_the_tables(records: SqlRecords) -> None:
    with records.database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_migrations_go_down_and_up_again(address: str) -> None:
    records = SqlRecords(address)
    with records.database.writing() as connection:
        migrate(connection, "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    records.close()
    again = SqlRecords(address)
    again.set_setting("made", "anew")
    assert again.setting("made") == "anew"
    again.close()


def test_records_in_a_file_are_durable(tmp_path: Path) -> None:
    records = SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")
    with records.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    records.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(Unavailable, match=r"records\.db"):
        SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")


def test_a_database_of_a_newer_release_is_left_alone(records: SqlRecords, address: str) -> None:
    with records.database.writing() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(ConfigError, match="newer leaverwatch"):
        SqlRecords(address)


def test_readers_do_not_wait_for_a_writer_and_see_nothing_half_done(records: SqlRecords, address: str) -> None:
    other = SqlRecords(address)
    with records.database.writing() as connection:
        connection.exec_driver_sql("insert into settings (name, value) values ('half', 'done')")
        assert other.setting("half") is None
    assert other.setting("half") == "done"
    other.close()


def test_a_writer_that_never_gets_its_turn_is_told_so(
    records: SqlRecords, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.1)
    other = SqlRecords(address)
    with records.database.writing(), pytest.raises(Refused, match="busy"):
        other.set_setting("mine", "first")
    other.set_setting("mine", "first")
    other.close()


def test_several_processes_may_make_and_write_one_database(address: str) -> None:
    code = (
        "import sys; from store.records import SqlRecords; from core.ports import Mark; from datetime import date\n"
        "records = SqlRecords(sys.argv[1])\n"
        "for n in range(20): records.add([Mark(subject=f'{sys.argv[2]}-{n}', first=date.min, last=date.max)])\n"
        "records.close()"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, address, str(n)], stderr=subprocess.PIPE) for n in range(4)
    ]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    records = SqlRecords(address)
    assert len(records.pending()) == 80
    records.close()


def test_a_decision_outlives_a_judge_that_had_not_heard_of_it(records: SqlRecords) -> None:
    records.settle((), (), (), [a_case("e1")])
    records.decide(a_case("e1").id, CaseState.BENIGN, "quarter-end list", FILED)
    assert subjects(records) == {"person:e1"}, "what is not answered by it opens another case"
    records.settle((), [("e1", EVER, FOREVER)], (), [a_case("e1")])
    (found,) = records.cases()
    assert (found.state, found.reason, found.decided) == (CaseState.BENIGN, "quarter-end list", FILED)
    with pytest.raises(Refused, match="no case"):
        records.decide("unknown", CaseState.BENIGN, "", FILED)


def test_what_the_budget_leaves_out_is_counted_and_comes_back(records: SqlRecords) -> None:
    alerts = [an_alert("e1", 1), an_alert("e2", 1), an_alert("e3", 1)]
    cases = [replace(a_case(alert.person), alerts=(alert.id,)) for alert in alerts[:2]]
    suppressed = replace(an_alert("e3", 2), outcome=Outcome.SUPPRESSED, grounds=("A1",), why="a quote")
    records.settle((), (), [*alerts, suppressed], cases)
    records.told(records.untold(99))
    records.divide([cases[1].id])
    assert records.tally() == {Outcome.ALERT: 2, Outcome.SUPPRESSED: 1, Outcome.OVERFLOW: 1}
    assert {case.id: case.state for case in records.cases()} == {
        cases[0].id: CaseState.NEW,
        cases[1].id: CaseState.OVERFLOW,
    }
    assert records.alerts(outcome=Outcome.SUPPRESSED) == [suppressed]
    assert [alert.person for alert in records.alerts(outcome=Outcome.OVERFLOW)] == ["e2"]
    assert {alert.person for alert in records.alerts()} == {"e1", "e3"}
    assert news(records) == {alerts[1].id: None}, "the world outside is told of alerts only"
    records.divide([])
    assert records.tally() == {Outcome.ALERT: 3, Outcome.SUPPRESSED: 1, Outcome.OVERFLOW: 0}
    assert news(records) == {alerts[1].id: 40.0}


def an_approval(**changed: object) -> Approval:
    made = Approval(
        id="A-1",
        kind=ApprovalKind.APPROVAL,
        account="mail:li.na@corp.example",
        recipients=("customer.example",),
        files=("报价.xlsx",),
        purpose="a quote",
        since=FILED,
        until=FILED + timedelta(days=3),
        filed=FILED - timedelta(days=1),
        approvers=("boss@corp.example",),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def test_an_approval_marks_whom_it_speaks_for_once(records: SqlRecords) -> None:
    assert records.save_approvals([an_approval()]) == 1
    (mark,) = records.pending()
    assert (mark.subject, mark.last) == ("mail:li.na@corp.example", FOREVER)
    assert mark.first <= FILED.date()
    settled(records)
    assert records.save_approvals([an_approval()]) == 0
    assert list(records.pending()) == []
    assert records.save_approvals([an_approval(account="mail:wang.wei@corp.example")]) == 1
    assert subjects(records) == {"mail:li.na@corp.example", "mail:wang.wei@corp.example"}, "the old one's person too"
    assert records.save_approvals([an_approval(kind=ApprovalKind.CHANGE)]) == 1, "a ticket may have the same number"
    assert [approval.kind for approval in records.approvals()] == [ApprovalKind.APPROVAL, ApprovalKind.CHANGE]
    assert records.approvals()[1] == an_approval(kind=ApprovalKind.CHANGE)


def test_an_exception_marks_whomever_it_may_concern_and_ends_by_a_change(records: SqlRecords) -> None:
    everybody = RuleException(
        id="E1",
        rule="mass_export",
        title="Analyst",
        reason="monthly report",
        owner="boss@corp.example",
        since=FILED,
        expires=FILED + timedelta(days=90),
        filed=FILED,
    )
    records.save_exception(everybody)
    assert subjects(records) == {"*"}
    settled(records)
    records.save_exception(everybody)
    assert list(records.pending()) == []
    records.save_exception(replace(everybody, id="E2", title="", person="e1"))
    assert subjects(records) == {"e1", "person:e1", "mail:e1", "employee:e1", "login:e1"}, "however it is meant"
    settled(records)
    records.save_exception(replace(everybody, expires=FILED + timedelta(days=1)))
    assert subjects(records) == {"*"}
    assert [exception.expires.day for exception in records.exceptions()] == [3, 31]


def test_records_of_the_shape_before_keep_their_alerts_and_get_the_new_columns(address: str) -> None:
    records = SqlRecords(address)
    with records.database.writing() as connection:
        migrate(connection, "0004")
        connection.exec_driver_sql(
            "insert into alerts"
            " (id, rule, person, day, time, severity, score, stage, terms, facts, events, detected_at) values"
            " ('a', 'r', 'p', '2026-03-02', '2026-03-02 09:00:00', 'high', 40, 'active',"
            """ '[{"name": "r", "points": 40, "observed": null}]', '{}', '[]', '2026-03-02 09:00:00')"""
        )
        connection.exec_driver_sql(
            "insert into cases (id, person, number, state, opened, score, alerts)"
            " values ('c', 'p', 0, 'new', '2026-03-02 09:00:00', 40, '[\"a\"]')"
        )
    records.close()
    again = SqlRecords(address)
    (alert,), (case,) = again.alerts(), again.cases()
    assert (alert.outcome, alert.terms) == (Outcome.ALERT, (Term(name="r", points=40),))
    assert (case.alerts, case.scores, case.decided) == (("a",), (), None)
    again.decide("c", CaseState.CONFIRMED, "it was", FILED)
    with again.database.writing() as connection:
        migrate(connection, "0004")
        assert connection.exec_driver_sql("select state from cases").scalar() == "closed"
    again.close()
