"""Alerts, cases and persons a page at a time: nothing is missed or comes twice, and nobody is shown who must not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from storing import a_batch, an_alert, an_event

from core.alert import Alert, Outcome, Severity
from core.case import Case, CaseState, case_id
from core.listing import AlertQuery, CaseQuery, Whose
from core.person import Filing, Link, Person
from core.standing import Standing
from detection.standing import bring_up, standings_of
from store.memory import MemoryStore
from store.records import SqlRecords
from store.records.database import migrate
from store.records.lists import FEW

FIRST = datetime(2026, 3, 2, tzinfo=UTC)


def alert(person: str, number: int, minutes: int | None = None, **changes: object) -> Alert:
    """One of each rule; `minutes` after the first moment, or `number`."""
    made = an_alert(person, 2, f"rule_{number}")
    return replace(made, time=FIRST + timedelta(minutes=number if minutes is None else minutes), **changes)  # type: ignore[arg-type]


def case(person: str, number: int, *alerts: str, minutes: int = 0, state: CaseState = CaseState.NEW) -> Case:
    return Case(
        id=case_id(person, number),
        person=person,
        number=number,
        state=state,
        opened=FIRST + timedelta(minutes=minutes),
        score=50.0,
        alerts=alerts,
    )


def settle(records: SqlRecords, alerts: Sequence[Alert], cases: Sequence[Case] = ()) -> None:
    day = FIRST.date()
    records.settle((), [(person, day, day) for person in {one.person for one in alerts}], alerts, cases)


def walked(page: Callable[[AlertQuery], Sequence[Alert]], query: AlertQuery) -> Iterator[list[Alert]]:
    """Page after page to the last."""
    while some := list(page(query)):
        yield some
        query = replace(query, after=(some[-1].time, some[-1].id))


@pytest.mark.parametrize("newest", [False, True])
def test_pages_follow_each_other_without_gaps_and_doubles_also_where_times_are_equal(
    records: SqlRecords, newest: bool
) -> None:
    alerts = [alert(f"p{number % 3}", number, minutes=number // 4) for number in range(23)]
    settle(records, alerts)
    pages = list(walked(records.alert_page, AlertQuery(limit=5, newest=newest)))
    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
    expected = sorted(alerts, key=lambda one: (one.time, one.id), reverse=newest)
    assert [one for page in pages for one in page] == expected


def test_what_comes_and_goes_meanwhile_moves_nothing_else(records: SqlRecords) -> None:
    early, late = [alert("p", number, number) for number in range(10)], [alert("q", number, 60) for number in range(3)]
    settle(records, early)
    first, *_ = walked(records.alert_page, AlertQuery(limit=4))
    settle(records, late)
    settle(records, [one for one in early if one != first[-1]])
    assert records.alert(first[-1].id) is None, "the cursor's own is gone"
    query = AlertQuery(limit=4, after=(first[-1].time, first[-1].id))
    rest = [one for page in walked(records.alert_page, query) for one in page]
    assert rest == sorted([*early[4:], *late], key=lambda one: (one.time, one.id))


@pytest.mark.parametrize("many", [4, FEW + 5])
@pytest.mark.parametrize("newest", [False, True])
def test_a_narrow_scope_fills_its_pages_and_shows_nobody_else(records: SqlRecords, many: int, newest: bool) -> None:
    settle(records, [alert(f"p{number}", place, 3 * number + place) for number in range(60) for place in range(2)])
    only = frozenset(f"p{number}" for number in range(0, 2 * many, 2)) | {"nobody", "quote'", 'double"', "nul\0"}
    whose = Whose(only=only, never=frozenset({"p0"}))
    pages = list(walked(records.alert_page, AlertQuery(limit=4, whose=whose, newest=newest)))
    assert {len(page) for page in pages[:-1]} == {4}
    shown = [one for page in pages for one in page]
    assert sorted(one.person for one in shown) == sorted(f"p{n}" for n in range(2, 2 * many, 2) for _ in range(2))
    assert shown == sorted(shown, key=lambda one: (one.time, one.id), reverse=newest)


def test_an_empty_scope_shows_nobody(records: SqlRecords) -> None:
    settle(records, [alert("p", 1)], [case("p", 0)])
    nobody = Whose(only=frozenset())
    bring_up(records)
    assert list(records.alert_page(AlertQuery(limit=5, whose=nobody))) == []
    assert list(records.case_page(CaseQuery(limit=5, whose=nobody))) == []
    assert list(records.ranked(FIRST + timedelta(days=1), nobody, None, 5)) == []


def test_alerts_are_narrowed_by_what_they_are(records: SqlRecords) -> None:
    settle(
        records,
        [
            alert("p", 1),
            alert("p", 2, severity=Severity.LOW),
            alert("q", 3, stage="departed"),
            alert("q", 4, outcome=Outcome.SUPPRESSED),
        ],
    )

    def rules(**narrow: object) -> list[str]:
        return [one.rule for one in records.alert_page(AlertQuery(limit=9, **narrow))]  # type: ignore[arg-type]

    assert rules() == ["rule_1", "rule_2", "rule_3"]
    assert rules(severities=[Severity.LOW, Severity.INFORMATIONAL]) == ["rule_2"]
    assert rules(stage="departed") == rules(rule="rule_3") == ["rule_3"]
    assert rules(outcome=Outcome.SUPPRESSED) == ["rule_4"]
    assert rules(since=FIRST + timedelta(minutes=2), until=FIRST + timedelta(minutes=3)) == ["rule_2"]
    assert rules(whose=Whose(only=frozenset({"q"}))) == ["rule_3"]
    assert rules(rule="rule_1", whose=Whose(only=frozenset({"q"}))) == []


def test_cases_come_by_page_state_and_whom_they_are_about(records: SqlRecords) -> None:
    own, mates = alert("a", 1), alert("b", 2)
    cases = [case("a", number, minutes=number // 2) for number in range(4)]
    crew = case("a", 4, own.id, mates.id, minutes=9)
    settle(records, [own, mates], [*cases, crew])
    found = list(records.case_page(CaseQuery(limit=2, newest=True)))
    assert found == [crew, max(cases[2:], key=lambda one: one.id)]
    rest = records.case_page(CaseQuery(limit=9, newest=True, after=(found[-1].opened, found[-1].id)))
    assert {one.number for one in (*found, *rest)} == {0, 1, 2, 3, 4}
    assert list(records.case_page(CaseQuery(limit=9, about="b"))) == [crew]
    assert list(records.case_page(CaseQuery(limit=9, about="b", whose=Whose(only=frozenset({"b"}))))) == []
    records.decide(crew.id, CaseState.BENIGN, "agreed", FIRST)
    assert [one.id for one in records.case_page(CaseQuery(limit=9, states=[CaseState.BENIGN]))] == [crew.id]
    assert records.case_counts()[CaseState.NEW] == 4
    assert records.case("none") is None


def test_some_alerts_come_by_page_whoever_went_meanwhile(records: SqlRecords) -> None:
    some = [alert("a", minutes) for minutes in range(5)]
    settle(records, some, [])
    ids = [one.id for one in some]
    first = records.alerts_among(ids, None, 2)
    assert [one.id for one in first] == ids[:2]
    place = (first[-1].time, first[-1].id)
    assert [one.id for one in records.alerts_among(ids[2:4], place, 9)] == ids[2:4]
    assert list(records.alerts_among([*ids, "none"], (some[4].time, some[4].id), 9)) == []
    assert list(records.alerts_among([], None, 9)) == []


def test_a_case_is_about_those_whose_alerts_it_has_now(records: SqlRecords) -> None:
    own, mates = alert("a", 1), alert("b", 2)
    settle(records, [own, mates], [case("a", 0, own.id, mates.id)])
    settle(records, [own], [case("a", 0, own.id)])
    assert list(records.case_page(CaseQuery(limit=9, about="b"))) == []
    settle(records, [own], [])
    assert list(records.case_page(CaseQuery(limit=9, about="a"))) == []


def at(records: SqlRecords, minutes: int) -> list[tuple[str, int]]:
    """Who stands where, with how many alerts."""
    bring_up(records)
    found: Sequence[Standing] = records.ranked(FIRST + timedelta(minutes=minutes), Whose(), None, 99)
    return [(one.person, one.alerts) for one in found]


def test_whoever_has_other_alerts_is_ranked_anew(records: SqlRecords) -> None:
    weak, strong = alert("p", 1, score=40.0), alert("q", 2, score=90.0)
    settle(records, [weak, strong])
    assert at(records, 99) == [("q", 1), ("p", 1)]
    assert list(records.unranked(9)) == []
    settle(records, [weak, alert("p", 3, score=95.0)])
    assert [one.person for one in records.unranked(9)] == ["p"]
    assert at(records, 99) == [("p", 2), ("q", 1)]
    settle(records, [replace(strong, outcome=Outcome.SUPPRESSED)])
    assert at(records, 99) == [("p", 2)]


def test_what_the_budget_leaves_out_ranks_nobody(records: SqlRecords) -> None:
    one = alert("p", 1)
    settle(records, [one], [case("p", 0, one.id)])
    assert at(records, 99) == [("p", 1)]
    records.divide([case_id("p", 0)])
    assert at(records, 99) == []


def test_a_slow_ranking_does_not_hide_what_came_since(records: SqlRecords) -> None:
    settle(records, [alert("p", 1), alert("q", 1)])
    slow = records.unranked(9)
    settle(records, [alert("p", 1), alert("p", 2)])
    at(records, 99)
    records.rank([], slow)
    assert at(records, 99) == [("p", 2), ("q", 1)]


def test_equal_ranks_go_by_person_and_pages_of_them_have_no_gaps(records: SqlRecords) -> None:
    people = ["b", "B", "ä", "a", "Z", "z9", "z10", "中"]
    settle(records, [alert(person, 1, 1) for person in people])
    bring_up(records)
    moment, found, after = FIRST + timedelta(hours=1), list[str](), None
    while some := records.ranked(moment, Whose(never=frozenset({"Z"})), after, 3):
        found += [one.person for one in some]
        after = some[-1].rank
    assert found == sorted(set(people) - {"Z"})


def test_who_has_had_alerts_since_a_moment_is_told_apart(records: SqlRecords) -> None:
    settle(records, [alert("p", 1), alert("q", 9), alert("r", 9)])
    bring_up(records)
    moment = FIRST + timedelta(minutes=5)
    assert [one.person for one in records.ranked(moment, Whose(), None, 9)] == ["p"]
    assert list(records.ranked_later(moment, Whose(), "", 9)) == ["q", "r"]
    assert list(records.ranked_later(moment, Whose(), "q", 9)) == ["r"]
    assert list(records.ranked_later(moment, Whose(only=frozenset({"p", "q"})), "", 9)) == ["q"]


def test_of_one_person_all_that_is_kept_of_the_ledger_is_read_of_many_only_the_first_terms(records: SqlRecords) -> None:
    own = [alert("p", minute, score=40.0 + minute) for minute in range(5)]
    settle(records, [*own, alert("q", 1)])
    bring_up(records)
    moment = FIRST + timedelta(hours=1)
    (kept,) = standings_of("p", own)
    assert len(kept.further) == 2
    assert records.standing("p", moment) == kept
    assert records.ranked(moment, Whose(), None, 1) == [replace(kept, further=())]
    assert records.standing("p", kept.since - timedelta(seconds=1)) is None, "alerts came after that"
    assert records.standing("r", moment) is None
    settle(records, [*own, alert("p", 7)])
    assert records.standing("p", moment) is None, "out of date"


def test_standings_that_kept_less_are_made_anew(address: str) -> None:
    records = SqlRecords(address)
    settle(records, [alert("p", minute) for minute in range(5)] + [alert("q", 1)])
    bring_up(records)
    kept = records.standing("p", FIRST + timedelta(hours=1))
    with records.database.writing() as connection:
        migrate(connection, "0024")
    records.close()
    again = SqlRecords(address)
    assert [one.person for one in again.unranked(9)] == ["p", "q"]
    assert bring_up(again) == 2
    assert again.standing("p", FIRST + timedelta(hours=1)) == kept
    again.close()


def test_the_version_of_people_moves_with_whatever_a_directory_is_made_of(records: SqlRecords, address: str) -> None:
    other = SqlRecords(address)
    li = Person(id="1", name="李娜", email="li@x.cn")
    seen = [records.people_version()]

    def moved() -> bool:
        seen.append(records.people_version())
        return seen[-1] not in seen[:-1]

    other.save_persons([li], [])
    assert moved()
    other.save_persons([replace(li, name="Li Na")], [])
    assert moved()
    other.save_persons([replace(li, name="Li Na")], [Link(account="mail:li@x.cn", person="1")])
    assert moved()
    other.save_filings([Filing(account="mail:li@x.cn", filed=FIRST)], 30)
    assert moved()
    MemoryStore(other).append(a_batch([an_event(1)]), [])
    assert moved()
    MemoryStore(other).append(a_batch([an_event(4)]), [])
    settle(other, [alert("1", 1)], [case("1", 0)])
    other.set_setting("anything", "else")
    assert not moved(), "nothing of it changed"
    other.close()


def test_records_of_the_shape_before_are_listed_and_ranked(address: str) -> None:
    records = SqlRecords(address)
    own, mates = alert("a", 1), alert("b", 2)
    crew = case("a", 0, own.id, mates.id, "gone")
    settle(records, [own, mates], [crew])
    with records.database.writing() as connection:
        migrate(connection, "0013")
        assert "standings" not in sa.inspect(connection).get_table_names()
    records.close()
    again = SqlRecords(address)
    assert [one.person for one in again.unranked(9)] == ["a", "b"]
    assert at(again, 99) == [("b", 1), ("a", 1)], "the newer one first"
    assert list(again.case_page(CaseQuery(limit=9, about="b"))) == [crew]
    again.close()
