"""What records of models' findings promise."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.canonical import PLACES, place_of
from core.errors import Refused
from core.model import Driver, ModelFinding, ModelState, ScoredDay, Vote
from store.records import SqlRecords
from store.records.copying import copy_records
from store.records.database import migrate
from tests.store.test_models import AT, CARD, card, promote

DAY = date(2026, 6, 3)
DRIVER = Driver(
    feature="exports", en="Exports", zh="导出次数", value=40, usual=2, share=0.7, enough=11.5, actions=("export",)
)
VOTES = (
    Vote(detector="own", one_in=4000.0, drivers=(DRIVER, replace(DRIVER, enough=None))),
    Vote(detector="peers", one_in=3),
)


def found(person: str, day: date = DAY, one_in: float = 900.0) -> ModelFinding:
    return ModelFinding(person=person, day=day, one_in=one_in, votes=VOTES)


def scored(day: date = DAY, first: int = 0, last: int = PLACES - 1, fingerprint: str = "f") -> ScoredDay:
    return ScoredDay(day=day, first=first, last=last, fingerprint=fingerprint)


def marked(records: SqlRecords) -> dict[str, tuple[date, date]]:
    """Who is marked for which days; the marks go."""
    marks = list(records.pending())
    records.settle(marks, (), (), ())
    return {mark.subject: (mark.first, mark.last) for mark in marks}


@pytest.fixture
def champion(records: SqlRecords) -> str:
    for name in "ab":
        records.save_model(card(name))
    promote(records, "a")
    return "a"


def test_findings_come_back_as_they_were_and_only_the_champions_are_read(records: SqlRecords, champion: str) -> None:
    records.save_findings(champion, [scored()], [found("李娜"), found("wang")])
    records.save_findings("b", [scored()], [found("zhao")])
    assert records.champions_findings(["李娜", "zhao", "nobody"], DAY, DAY) == [found("李娜")]
    assert records.champions_findings(["李娜"], DAY + timedelta(days=1), date(2026, 7, 1)) == []
    assert list(records.findings("b")) == [found("zhao")]
    assert records.finding_counts() == {"a": 2, "b": 1}
    assert list(records.scored_days("a")) == [scored()]


def test_without_a_champion_nobody_is_found(records: SqlRecords) -> None:
    records.save_model(CARD)
    records.save_findings(CARD.id, [scored()], [found("wang")])
    assert list(records.champions_findings(["wang"], DAY, DAY)) == []
    assert marked(records) == {}


def test_whose_finding_came_changed_or_went_is_marked_and_nobody_else(records: SqlRecords, champion: str) -> None:
    records.save_findings(champion, [scored()], [found("stays"), found("changes"), found("goes")])
    assert marked(records) == {f"person:{one}": (DAY, DAY) for one in ("stays", "changes", "goes")}
    records.save_findings(champion, [scored()], [found("stays"), found("changes", one_in=901), found("comes")])
    assert marked(records) == {f"person:{one}": (DAY, DAY) for one in ("changes", "goes", "comes")}
    records.save_findings(champion, [scored()], [found("stays"), found("changes", one_in=901), found("comes")])
    assert marked(records) == {}, "found again is nothing new"


def test_a_shadows_findings_mark_nobody(records: SqlRecords, champion: str) -> None:
    records.move_model("b", ModelState.SHADOW, at=AT, by="li", why="")
    records.save_findings("b", [scored()], [found("wang")])
    assert marked(records) == {}


def test_findings_of_other_days_and_places_are_left_as_they_are(records: SqlRecords, champion: str) -> None:
    later = DAY + timedelta(days=1)
    records.save_findings(champion, [scored(), scored(later)], [found("wang"), found("wang", later)])
    records.save_findings(champion, [scored(later, fingerprint="g")], [])
    assert list(records.findings(champion)) == [found("wang")]
    place = place_of("wang")
    elsewhere = [(0, place - 1), (place + 1, PLACES - 1)]
    records.save_findings(champion, [scored(DAY, *places) for places in elsewhere if places[0] <= places[1]], [])
    assert list(records.findings(champion)) == [found("wang")]
    records.save_findings(champion, [scored(DAY, place, place)], [])
    assert list(records.findings(champion)) == []


def test_places_divided_otherwise_take_the_place_of_those_before(records: SqlRecords, champion: str) -> None:
    half = PLACES // 2
    records.save_findings(champion, [scored(), scored(DAY + timedelta(days=1))], [])
    records.save_findings(champion, [scored(DAY, 0, half - 1, "h")], [])
    days = [(one.day, one.first, one.last) for one in records.scored_days(champion)]
    assert days == [(DAY, 0, half - 1), (DAY + timedelta(days=1), 0, PLACES - 1)]


def test_another_champion_marks_the_days_of_which_it_finds_other_things(records: SqlRecords, champion: str) -> None:
    later = DAY + timedelta(days=4)
    records.save_findings(champion, [scored()], [found("same"), found("other"), found("first alone")])
    records.save_findings("b", [scored()], [found("same"), found("other", one_in=7000), found("second", later)])
    marked(records)
    promote(records, "b")
    differ = {f"person:{one}": (DAY, DAY) for one in ("other", "first alone")} | {"person:second": (later, later)}
    assert marked(records) == differ
    assert list(records.champions_findings(["second"], DAY, later)) == [found("second", later)]
    assert records.restore_champion(at=AT, by="li", why="too loud") == "a"
    assert marked(records) == differ
    assert list(records.champions_findings(["second"], DAY, later)) == []


def test_a_file_is_kept_with_its_card_and_moves_with_the_records(records: SqlRecords, tmp_path: object) -> None:
    records.save_model(CARD, b"\x00skops")
    records.save_model(CARD)
    assert records.model_file(CARD.id) == b"\x00skops"
    assert records.model_file("nobody's") is None
    with pytest.raises(Refused):
        records.save_model(replace(CARD, persons=3), b"other")
    records.save_findings(CARD.id, [scored()], [found("wang")])
    with closing(SqlRecords(f"sqlite:///{tmp_path}/other.db")) as other:
        copy_records(records.database, other.database, "moved")
        assert other.model_file(CARD.id) == b"\x00skops"
        assert other.findings(CARD.id) == records.findings(CARD.id)
        assert other.scored_days(CARD.id) == records.scored_days(CARD.id)


def test_records_of_the_shape_before_keep_their_models_and_get_room_for_findings(address: str) -> None:
    records = SqlRecords(address)
    records.save_model(CARD, b"file")
    promote(records, CARD.id)
    with records.database.writing() as connection:
        migrate(connection, "0007")
    records.close()
    with closing(SqlRecords(address)) as again:
        assert [one.state for one in again.models()] == [ModelState.CHAMPION]
        assert (again.model_file(CARD.id), dict(again.finding_counts())) == (None, {})
        again.save_findings(CARD.id, [scored()], [found("wang")])
        assert marked(again) == {"person:wang": (DAY, DAY)}


def test_of_two_who_would_do_one_job_one_is_told_that_it_is_being_done(address: str) -> None:
    with closing(SqlRecords(address)) as one, closing(SqlRecords(address)) as other:
        with one.unless_done("scoring") as mine:
            assert mine
            with other.unless_done("scoring") as theirs, other.unless_done("another job") as another:
                assert (theirs, another) == (False, True)
        with other.unless_done("scoring") as theirs:
            assert theirs
