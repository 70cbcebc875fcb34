"""Models that judge: the promoted one tells of days it did not learn from, and the same whatever happens meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from app import scoring
from app.backtesting import hunt_with
from app.config import Config
from app.doctor import examine
from app.drifting import look
from app.jobs import judge_marked
from app.modelling import newest_day, promote, train
from app.pipeline import keep
from app.scoring import Scores, problems, scored
from app.wiring import House, open_house
from core.alert import Alert
from core.batch import Batch
from core.canonical import content_id
from core.drift import kept as kept_look
from core.model import ModelFinding, ModelState
from core.person import Link, Person
from core.schema import SCHEMA, conform
from detection.explain import messages_of, term_words

FIRST, DAYS, PEOPLE = date(2025, 1, 6), 75, 40
LEARNED, THEFT = FIRST + timedelta(days=42), FIRST + timedelta(days=70)
THIEF, EARLY, LATE = "e07", "e11", "e15"
RULE = "unusual_day"


def account(person: str) -> str:
    return f"mail:{person}@corp.example"


def an_event(person: str, when: datetime, number: int, action: str, **more: Any) -> dict[str, Any]:
    return {
        "@timestamp": when,
        "event.id": content_id(person, when.isoformat(), str(number)),
        "event.action": action,
        "event.module": "m365",
        "user.account": account(person),
        **more,
    }


def moment(day: date, hour: float) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def everyday(seed: int = 1) -> list[dict[str, Any]]:
    """What people do on working days: more or less, each in their way."""
    chance = np.random.default_rng(seed)
    rows = []
    for number in range(PEOPLE):
        person, level = f"e{number:02}", chance.uniform(2, 6)
        for day in (FIRST + timedelta(days=count) for count in range(DAYS)):
            if day.weekday() < 5:
                for action, share in (("view", 1.0), ("send", 0.5), ("download", 0.4), ("export", 0.1)):
                    for one in range(chance.poisson(level * share)):
                        when = moment(day, 1 + 8 * chance.random())
                        records = int(chance.integers(1, 40)) if action == "export" else None
                        name = f"/share/{person}/{chance.integers(9)}/{chance.integers(60)}.docx"
                        rows.append(an_event(person, when, one, action, **{"data.records": records, "file.path": name}))
    return rows


def theft(person: str, day: date) -> list[dict[str, Any]]:
    """A day on which somebody takes everything, and little of it has a rule of its own."""
    return [
        an_event(
            person, moment(day, 2 + number / 20), number, action, **{"file.path": f"/all/{number % 70}/{number}.x"}
        )
        for number in range(120)
        for action in ("download", "move", "rename")
    ]


def bring(house: House, rows: list[dict[str, Any]]) -> None:
    """Store events as an import does."""
    events = conform(pl.DataFrame(rows, schema_overrides=SCHEMA, infer_schema_length=None))
    tagger = house.tagger()
    batch = Batch(source="m365", read=events.height, events=tagger.tag(events), rules_version=tagger.version)
    keep(house, tagger, batch)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with a day unlike others while models learn, another one afterwards, and two models."""
    data = tmp_path_factory.mktemp("scored")
    with open_house(Config(data=data)) as house:
        names = [f"e{number:02}" for number in range(PEOPLE)]
        persons = [
            Person(id=one, name=one, email=f"{one}@corp.example", department="Sales", title=f"Post {number % 2}")
            for number, one in enumerate(names)
        ]
        house.records.save_persons(persons, [Link(account=account(one), person=one) for one in names])
        bring(house, [*everyday(), *theft(EARLY, LEARNED), *theft(THIEF, THEFT)])
        judge_marked(house)
        for seed in (0, 1):
            train(house, FIRST, FIRST + timedelta(days=DAYS - 1), by="li", seed=seed)
    return data


@pytest.fixture
def house(company: Path, tmp_path: Path) -> Iterator[House]:
    shutil.copytree(company, tmp_path / "data")
    with open_house(Config(data=tmp_path / "data")) as opened:
        yield opened


def models(house: House) -> tuple[str, str]:
    first, second = (model.card.id for model in house.records.models())
    return first, second


def promoted(house: House) -> str:
    first, _ = models(house)
    promote(house, first, by="li")
    judge_marked(house)
    return first


def alerts(house: House) -> list[Alert]:
    return [alert for alert in house.records.alerts() if alert.rule == RULE]


def of(house: House, person: str) -> list[Alert]:
    return [alert for alert in alerts(house) if alert.person == person]


def kept(house: House, model: str) -> list[ModelFinding]:
    return list(house.records.findings(model))


def test_a_promoted_model_tells_of_a_day_unlike_others_and_of_none_that_it_learned_from(house: House) -> None:
    assert alerts(house) == []
    model = promoted(house)
    (card,) = (one.card for one in house.records.models() if one.card.id == model)
    assert LEARNED <= card.last < THEFT
    (found,) = of(house, THIEF)
    assert found.day == THEFT
    assert found.time == house.calendar.end_of(THEFT) - timedelta(microseconds=1)
    assert all(alert.day > card.last for alert in alerts(house))
    assert of(house, EARLY) == [] or LEARNED not in {alert.day for alert in of(house, EARLY)}
    assert len({alert.person for alert in alerts(house)}) < PEOPLE / 2


def test_an_alert_says_what_drove_it_in_both_languages_and_has_the_events_of_the_day(house: House) -> None:
    promoted(house)
    (found,) = of(house, THIEF)
    votes = [term for term in found.terms if term.name.startswith("vote ")]
    assert len(votes) >= 3
    assert any(term.drivers for term in votes)
    assert round(sum(term.points for term in found.terms), 2) == found.score
    rule = house.book.rules[RULE]
    for lang, word in (("en", "usual"), ("zh", "平时")):
        told = messages_of(rule, found, "Li")[lang]
        assert "–" not in told
        assert any(word in term_words(term)[lang] for term in votes)
    assert found.facts["events"] == len(found.events)
    assert 100 < len(found.events) <= 400
    stored = house.events.totals(scoring_query(found), ["user.account"])
    assert stored["user.account"].to_list() == [account(THIEF)]


def scoring_query(alert: Alert) -> Any:
    from core.ports import EventQuery

    return EventQuery(ids=alert.events)


def test_a_shadow_raises_nothing_but_what_it_finds_is_listed(house: House) -> None:
    first, second = models(house)
    house.records.move_model(second, ModelState.SHADOW, at=datetime.now(UTC), by="li", why="to see")
    judge_marked(house)
    assert alerts(house) == []
    assert (THIEF, THEFT) in {(one.person, one.day) for one in kept(house, second)}
    assert house.records.finding_counts()[second] == len(kept(house, second))
    assert first not in house.records.finding_counts()


def test_going_back_brings_back_the_champion_before_and_its_alerts(house: House) -> None:
    first = promoted(house)
    before = alerts(house)
    _, second = models(house)
    house.records.move_model(second, ModelState.CHAMPION, at=datetime.now(UTC), by="li", why="newer")
    judge_marked(house)
    other = {(one.person, one.day): one for one in kept(house, second) if one.one_in >= 300}
    assert {(alert.person, alert.day) for alert in alerts(house)} == other.keys()
    assert house.records.restore_champion(at=datetime.now(UTC), by="li", why="too loud") == first
    judge_marked(house)
    assert alerts(house) == before


def test_killed_half_way_and_run_again_gives_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    model = promoted(house)
    expected, found = alerts(house), kept(house, model)
    undo(house, model)
    assert alerts(house) == []
    monkeypatch.setattr(scoring, "DAYS_AT_ONCE", 4)
    for after in (0, 1, 2):
        with monkeypatch.context() as patched:
            patched.setattr(house.records, "save_findings", dying(house, after))
            with pytest.raises(KeyboardInterrupt):
                judge_marked(house)
    judge_marked(house)
    assert (alerts(house), kept(house, model)) == (expected, found)


def dying(house: House, after: int) -> Any:
    """Saves so often, then the process dies."""
    real, done = type(house.records).save_findings, [0]

    def save(*arguments: Any) -> None:
        if done[0] == after:
            raise KeyboardInterrupt
        done[0] += 1
        real(house.records, *arguments)

    return save


def undo(house: House, model: str) -> None:
    """As if the model had never looked."""
    days = list(house.records.scored_days(model))
    house.records.save_findings(model, days, [])
    from sqlalchemy import delete

    from store.records.tables import model_days

    with house.records.database.writing() as connection:  # type: ignore[attr-defined]
        connection.execute(delete(model_days))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.jobs.scored", lambda *_: iter(()))
        judge_marked(house)


def test_late_events_have_the_days_scored_again_that_they_touch(house: House) -> None:
    model = promoted(house)
    before = kept(house, model)
    assert of(house, LATE) == []
    day = THEFT - timedelta(days=3)
    fingerprints = {one.day: one.fingerprint for one in house.records.scored_days(model)}
    bring(house, theft(LATE, day))
    judge_marked(house)
    assert day in {alert.day for alert in of(house, LATE)}
    after = {one.day: one.fingerprint for one in house.records.scored_days(model)}
    assert {one for one in after if after[one] != fingerprints[one]} == {one for one in after if one >= day}
    others = [one for one in kept(house, model) if one.person != LATE]
    assert [one for one in others if one.day < day] == [one for one in before if one.day < day]
    assert of(house, THIEF) != []


def test_nothing_is_scored_twice_and_a_lost_folder_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = promoted(house)
    expected = kept(house, model)
    shutil.rmtree(house.config.data / "person-days")
    monkeypatch.setattr(house.records, "save_findings", dying(house, 0))
    assert list(scored(house, Scores())) == []
    assert kept(house, model) == expected


def test_two_judges_do_not_score_twice(house: House) -> None:
    first, _ = models(house)
    promote(house, first, by="li")
    with open_house(house.config) as other:
        mine = scored(house, Scores())
        next(mine)
        assert list(scored(other, Scores())) == [], "somebody else is at it"
        rest = list(mine)
        assert list(scored(other, Scores())) == [], "nothing is left"
        judge_marked(other)
        assert of(other, THIEF)
    assert rest == []


def test_a_judge_that_looked_lately_waits_but_sees_another_model_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = models(house)
    promote(house, first, by="li")
    scores = Scores(pause=3600)
    judge_marked(house, scores=scores)
    monkeypatch.setattr(scoring, "_pieces", lambda *_: iter([1]))
    assert list(scored(house, scores)) == []
    house.records.move_model(second, ModelState.SHADOW, at=datetime.now(UTC), by="li", why="")
    assert list(scored(house, scores)) == [1]


def test_a_day_is_scored_once_it_is_over(house: House) -> None:
    first, _ = models(house)
    house.records.move_model(first, ModelState.CHAMPION, at=datetime.now(UTC), by="li", why="")
    last_moment = house.calendar.end_of(THEFT) - timedelta(seconds=1)
    list(scored(house, Scores(), now=last_moment))
    assert max(one.day for one in house.records.scored_days(first)) == THEFT - timedelta(days=1)
    list(scored(house, Scores(), now=house.calendar.end_of(THEFT)))
    assert max(one.day for one in house.records.scored_days(first)) == THEFT


def test_another_machine_gets_the_model_from_the_records_and_says_so_where_it_cannot(house: House) -> None:
    first, _ = models(house)
    house.records.move_model(first, ModelState.CHAMPION, at=datetime.now(UTC), by="li", why="")
    shutil.rmtree(house.config.data / "models")
    judge_marked(house)
    assert of(house, THIEF)
    (house.config.data / "models" / f"{first}.skops").write_bytes(b"something else")
    (said,) = problems(house)
    assert first in said
    assert "sha256" in said
    judge_marked(house)
    assert of(house, THIEF), "what was found stays"
    told = {finding.check: finding for finding in examine(house.config)}["models"]
    assert (told.ok, told.text) == (False, said)


def test_whether_the_champion_still_fits_is_looked_at_once_a_day_without_anybody_asking(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = promoted(house)
    (card,) = (one.card for one in house.records.models() if one.card.id == model)
    last = newest_day(house)
    seen = kept_look(house.records)
    assert seen is not None
    assert (seen.model, seen.first, seen.last) == (model, card.last + timedelta(days=1), last)
    told = {finding.check: finding for finding in examine(house.config)}["model"]
    assert model in told.text
    assert told.ok == (not seen.problems())
    asked = look(house, last, (last - card.last).days)
    assert (asked.person_days, asked.rare, asked.psi) == (seen.person_days, seen.rare, pytest.approx(seen.psi))
    with monkeypatch.context() as patched:
        patched.setattr(house.records, "set_setting", dying(house, 0))
        judge_marked(house)
    next_day = last + timedelta(days=1)
    bring(house, [an_event("e01", moment(next_day, 3), 0, "view")])
    judge_marked(house)
    again = kept_look(house.records)
    assert again is not None
    assert again.last == next_day


def test_a_hunt_with_the_rule_looks_at_what_was_kept(house: House, tmp_path: Path) -> None:
    promoted(house)
    assert {alert.id for alert in hunt_with(house, RULE, None, None).alerts} == {alert.id for alert in alerts(house)}
    text = (Path("rules") / "behaviour" / f"{RULE}.yml").read_text(encoding="utf-8")
    (tmp_path / f"{RULE}.yml").write_text(text.replace("one_in: 300}", "one_in: 100}"), encoding="utf-8")
    wider = hunt_with(house, str(tmp_path / f"{RULE}.yml"), None, None).alerts
    assert len(wider) >= len(alerts(house))
    assert {alert.facts["limit"] for alert in wider} == {100}
