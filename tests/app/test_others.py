"""What is asked of everybody is asked again where others' older events come after somebody was judged."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app import pipeline
from app.config import Config
from app.jobs import judge_marked
from app.pipeline import keep, tagged
from app.wiring import House, aside_in, open_house
from core.alert import Alert
from core.batch import Batch
from core.calendar import CompanyCalendar
from core.canonical import content_id
from core.person import Filing, Link, Person
from core.schema import SCHEMA, conform
from detection.hunt import Retold, hunt
from detection.others import Others, touched_others
from detection.rulebook import RuleBook
from detection.tagging import Tagger
from tests.app.test_crews import crew_alerts, resign, take
from tests.detection.conftest import SURROUNDINGS

BEGIN = datetime(2026, 1, 5, 2, tzinfo=UTC)
PEOPLE = ("ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal", "ivy")
CALENDAR = CompanyCalendar()
BOOK = RuleBook.load()
Row = dict[str, Any]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path / "one") as made:
        yield made


def opened(path: Path) -> Any:
    return open_house(Config(data=path))


def hire(house: House) -> House:
    persons = [Person(id=n, email=f"{n}@example.com", department="Sales", title="Seller") for n in PEOPLE]
    house.records.save_persons(persons, [Link(account=f"mail:{p.email}", person=p.id) for p in persons])
    return house


def an_event(name: str, day: float, action: str, module: str, **fields: object) -> Row:
    row = {"@timestamp": BEGIN + timedelta(days=day), "event.action": action, "event.module": module}
    row |= {"event.outcome": "success", "user.account": f"mail:{name}@example.com"}
    row |= {key.replace("__", "."): value for key, value in fields.items()}
    return row | {"event.id": content_id(*map(str, row.values()))}


def store(house: House, rows: Sequence[Row]) -> None:
    frame = conform(pl.DataFrame(rows, schema_overrides=SCHEMA, infer_schema_length=None))
    tagger = house.tagger()
    keep(house, tagger, tagged(Batch(source="postfix", read=len(rows), events=frame), tagger))


def working(first: int, last: int) -> list[int]:
    days = range(first, last)
    return [day for day in days if CALENDAR.is_working_day((BEGIN + timedelta(days=day)).date())]


def exports() -> tuple[list[Row], list[Row]]:
    """Ann exports much in a log in which nobody had been heard of weeks before, as it seems at first."""
    old = [an_event("bob", day, "export", "salesforce", data__records=5) for day in working(0, 40)]
    new = [an_event("ann", 62 + n / 100, "export", "salesforce", data__records=6_000) for n in range(3)]
    return old, new


def customers() -> tuple[list[Row], list[Row]]:
    """Ann opens half of all customers of whom anything is known from the month before."""

    def opening(name: str, day: float, number: int) -> Row:
        return an_event(name, day, "view", "salesforce", crm__record_id=f"0015e0000{number:06}AAA")

    old = [opening("bob", 30 + number / 40, number) for number in range(500)]
    return old, [opening("ann", 60 + number / 100, number) for number in range(250)]


def files() -> tuple[list[Row], list[Row]]:
    """Ann, who is new, takes some files a day, of which her colleagues take far fewer."""

    def taken(name: str, day: int, number: int) -> Row:
        path = f"https://example.com/{name}/{day}/{number}"
        at = day + number / 100
        return an_event(name, at, "download", "m365", file__path=path, file__name=f"{name}{day}-{number}.docx")

    old = [taken(name, day, 0) for name in ("bob", "cid", "dan") for day in working(0, 50)]
    return old, [taken("ann", day, number) for day in working(60, 80) for number in range(9)]


def logins() -> tuple[list[Row], list[Row]]:
    """Ann is no longer heard of on the endpoint; that the endpoint itself is heard, others' lines say."""
    old = [an_event("ann", day, "login", "windows") for day in working(0, 60)]
    old += [an_event("bob", day + 0.2, "login", "windows") for day in working(60, 80)]
    new = [an_event("ann", day + 0.1, "login", "m365") for day in working(40, 80)]
    return old, new


def machines() -> tuple[list[Row], list[Row]]:
    """Ann synchronises to a machine of whose domain nobody knows whether it is the company's."""

    def synced(name: str, day: float, domain: str, number: int = 0) -> Row:
        fields = {"event__code": "FileSyncDownloadedFull", "device__id": name + domain, "host__domain": domain}
        path = f"https://example.com/{name}/{number}"
        return an_event(name, day, "download", "m365", file__path=path, file__name=f"{number}.docx", **fields)

    old = [synced(name, day, "ours") for name in ("bob", "cid", "dan") for day in (10, 20)]
    return old, [synced("ann", 30 + number / 1000, "theirs", number) for number in range(60)]


SCENES: dict[str, Callable[[], tuple[list[Row], list[Row]]]] = {
    "export_drip": exports,
    "customer_book_touched": customers,
    "file_drip": files,
    "source_falls_silent": logins,
    "library_to_strange_machine": machines,
}


def of(house: House, rule: str) -> list[Alert]:
    judge_marked(house)
    assert house.records.pending() == []
    return [alert for alert in house.records.alerts(outcome=None) if alert.rule == rule]


@pytest.mark.parametrize("rule", SCENES)
def test_a_past_that_comes_after_judging_ends_in_the_answer_of_judging_once(
    house: House, tmp_path: Path, rule: str
) -> None:
    old, new = SCENES[rule]()
    hire(house)
    with opened(tmp_path / "two") as whole:
        store(hire(whole), [*old, *new])
        wanted = of(whole, rule)
    store(house, new)
    early = of(house, rule)
    store(house, old)
    assert of(house, rule) == wanted != early


@pytest.mark.parametrize("rule", ["export_drip", "customer_book_touched", "file_drip", "library_to_strange_machine"])
def test_without_marks_of_others_the_answer_would_stay(
    house: House, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    monkeypatch.setattr(pipeline, "touched_others", lambda *_: Others((), frozenset()))
    old, new = SCENES[rule]()
    # Of everybody something is known: whoever is heard of for the first time is another colleague.
    store(hire(house), [an_event(name, 61, "other", "postfix") for name in PEOPLE])
    store(house, new)
    early = of(house, rule)
    store(house, old)
    assert of(house, rule) == early


@pytest.mark.parametrize("rule", ["customer_book_touched", "file_drip", "library_to_strange_machine"])
def test_a_hunt_over_events_tagged_anew_counts_others_as_live(house: House, tmp_path: Path, rule: str) -> None:
    old, new = SCENES[rule]()
    # As many records that are no customers: stores cannot tell, and a book with them would be too large.
    others = [
        an_event("bob", 31 + n / 1000, "view", "salesforce", crm__record_id=f"a005e{n:06}AAA") for n in range(600)
    ]
    store(hire(house), [*old, *new, *others])
    live = of(house, rule)
    book, aside = house.book, tmp_path / "aside"
    aside.mkdir()
    least = {leaf: book.rules[leaf].least for leaf in book.rules[rule].leaves}
    anew = Retold(house.events, book, house.surroundings(), least, aside_in(aside))
    found = [
        a for judged in hunt({rule}, house.bench(house.directory(), book, anew), None, None) for a in judged.alerts
    ]
    assert found == live != []


def test_pieces_in_any_order_end_in_the_same_alerts(tmp_path: Path) -> None:
    rows = [row for scene in SCENES.values() for part in scene() for row in part]
    by_month = [[r for r in rows if r["@timestamp"].month == month] for month in (1, 2, 3)]
    found = []
    for number, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 2, 0])):
        with opened(tmp_path / str(number)) as made:
            hire(made)
            for piece in order:
                store(made, random.Random(number).sample(by_month[piece], len(by_month[piece])))
                judge_marked(made)
            found.append([(a.id, dict(a.facts), a.score) for a in made.records.alerts(outcome=None)])
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 4


def test_that_everybody_used_the_files_takes_a_crew_away_also_late(house: House) -> None:
    hire(house)
    for name in ("ann", "bob"):
        take(house, name, range(12), 5)
        resign(house, name, 6)
    judge_marked(house)
    assert [name for name, _, _ in crew_alerts(house)] == ["ann", "bob"]
    for name in PEOPLE[2:]:
        take(house, name, range(12), 1)
    judge_marked(house)
    assert crew_alerts(house) == []


def on_post(house: House, title: str, *names: str) -> None:
    persons = [Person(id=n, email=f"{n}@example.com", department="Sales", title=title) for n in names]
    house.records.save_persons(persons, [Link(account=f"mail:{one.email}", person=one.id) for one in persons])


def test_colleagues_who_move_or_come_change_what_is_usual_at_once(house: House, tmp_path: Path) -> None:
    """Three who took as much as Ann, of whom it becomes known only afterwards that they are her colleagues."""
    old, new = files()
    as_much = [
        row
        | {"user.account": f"mail:{name}@example.com", "event.id": content_id(name, str(row["event.id"]))}
        | {"@timestamp": row["@timestamp"] - timedelta(days=40)}
        for name in ("fay", "gus", "hal")
        for row in new
    ]
    rows = [*old, *new, *as_much]
    hire(house)
    on_post(house, "Other", "fay", "gus", "hal")
    store(house, rows)
    apart = of(house, "file_drip")
    on_post(house, "Seller", "fay", "gus", "hal")
    together = of(house, "file_drip")
    with opened(tmp_path / "two") as whole:
        store(hire(whole), rows)
        wanted = of(whole, "file_drip")
    before, after = ([alert for alert in alerts if alert.person == "ann"] for alerts in (apart, together))
    assert together == wanted
    assert before
    assert before != after


def test_that_two_accounts_are_one_persons_brings_a_crew(house: House) -> None:
    """Seven takers are many; that two of them are one makes them few."""
    hire(house)
    for name in PEOPLE[2:]:
        take(house, name, range(12), 1)
    for name in ("ann", "bob"):
        take(house, name, range(12), 5)
        resign(house, name, 6)
    judge_marked(house)
    assert crew_alerts(house) == []
    dan = Person(id="dan", email="dan@example.com", department="Sales", title="Seller")
    house.records.save_persons([dan], [Link(account=f"mail:{n}@example.com", person="dan") for n in ("dan", "cid")])
    cid = Person(id="cid", email="cid@example.com", department="Sales", title="Seller")
    house.records.save_persons([cid], [])
    judge_marked(house)
    assert [name for name, _, _ in crew_alerts(house)] == ["ann", "bob"]


def touched(rows: Sequence[Row], today: date, filings: Sequence[Filing] = ()) -> Others:
    frame = conform(pl.DataFrame(rows, schema_overrides=SCHEMA, infer_schema_length=None))
    events = Tagger(BOOK, SURROUNDINGS).tag(frame)
    return touched_others(events, CALENDAR, BOOK, today, frozenset(), lambda: filings)


def test_what_happens_today_touches_nobody_else() -> None:
    for scene in (exports, customers, files, machines):
        newest = scene()[1]
        today = max(row["@timestamp"] for row in newest).date()
        assert touched([row for row in newest if row["@timestamp"].date() == today], today).marks == []


def test_what_comes_after_the_turn_of_a_month_touches_that_month() -> None:
    late = [an_event("bob", day, "download", "m365", file__path="x", file__name="x") for day in (20, 25)]
    ((mark),) = touched(late, date(2026, 2, 1)).marks
    assert (mark.subject, mark.first) == ("*", date(2026, 2, 1))
    assert mark.last >= date(2026, 3, 31)


def test_the_first_line_of_a_day_from_a_system_touches_everybody_once() -> None:
    login = [an_event("bob", 0, "login", "windows")]
    first = touched(login, BEGIN.date())
    assert [(mark.subject, mark.first) for mark in first.marks] == [("*", BEGIN.date())]
    assert first.heard == {("heard_endpoint", BEGIN.date())}
