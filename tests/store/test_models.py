"""What records of models promise."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from core.errors import Refused
from core.model import Evaluation, Metric, ModelCard, ModelState
from store.records import SqlRecords
from store.records.copying import copy_records
from store.records.database import migrate

AT = datetime(2026, 7, 1, 8, tzinfo=UTC)
CARD = ModelCard(
    id="a" * 16,
    sha256="a" * 64,
    features_digest="f" * 64,
    features=("exports", "mails"),
    first=date(2026, 1, 1),
    last=date(2026, 5, 31),
    persons=40,
    person_days=4000,
    parameters={"forest": {"trees": 100}},
    evaluation=Evaluation(
        first=date(2026, 6, 1),
        last=date(2026, 6, 30),
        metrics=(Metric(name="recall", value=0.5, low=0.2, high=0.8),),
        found=("e1",),
        missed=("李娜",),
    ),
    code_version="0.1.0",
    created=AT,
    trained_by="王伟",
)


def card(name: str) -> ModelCard:
    return replace(CARD, id=name, created=AT + timedelta(minutes=ord(name[0])))


def states(records: SqlRecords) -> dict[str, ModelState]:
    return {one.card.id: one.state for one in records.models()}


def promote(records: SqlRecords, model: str) -> None:
    records.move_model(model, ModelState.CHAMPION, at=AT, by="li", why="better")


def test_a_card_comes_back_as_it_was(records: SqlRecords) -> None:
    records.save_model(CARD)
    records.save_model(CARD)
    (found,) = records.models()
    assert found.card == CARD
    assert (found.state, found.changed, found.by) == (ModelState.TRAINED, AT, "王伟")
    with pytest.raises(Refused, match="another model"):
        records.save_model(replace(CARD, persons=41))


def test_one_at_most_is_champion_and_the_one_before_retires(records: SqlRecords) -> None:
    for name in "abc":
        records.save_model(card(name))
    records.move_model("b", ModelState.SHADOW, at=AT, by="li", why="to see")
    promote(records, "a")
    promote(records, "b")
    assert states(records) == {"a": ModelState.RETIRED, "b": ModelState.CHAMPION, "c": ModelState.TRAINED}
    assert [one.why for one in records.models()] == ["by b", "better", ""]


def test_rolling_back_goes_to_the_champion_before_and_again_to_the_one_before_that(records: SqlRecords) -> None:
    for name in "abc":
        records.save_model(card(name))
        promote(records, name)
    assert records.restore_champion(at=AT, by="li", why="too loud") == "b"
    assert records.restore_champion(at=AT, by="li", why="too loud") == "a"
    assert states(records) == {"a": ModelState.CHAMPION, "b": ModelState.RETIRED, "c": ModelState.RETIRED}
    with pytest.raises(Refused, match="go back to"):
        records.restore_champion(at=AT, by="li", why="too loud")
    promote(records, "c")
    assert records.restore_champion(at=AT, by="li", why="still") == "a"


def test_what_cannot_be_is_refused_and_changes_nothing(records: SqlRecords) -> None:
    records.save_model(card("a"))
    with pytest.raises(Refused, match="no model x"):
        promote(records, "x")
    with pytest.raises(Refused, match="train another"):
        records.move_model("a", ModelState.TRAINED, at=AT, by="li", why="")
    promote(records, "a")
    with pytest.raises(Refused, match="is champion"):
        records.move_model("a", ModelState.RETIRED, at=AT, by="li", why="")
    promote(records, "a")
    with pytest.raises(Refused, match="go back to"):
        records.restore_champion(at=AT, by="li", why="promoted twice is promoted once")
    assert states(records) == {"a": ModelState.CHAMPION}


def test_records_of_the_shape_before_have_no_models_and_get_room_for_them(address: str) -> None:
    records = SqlRecords(address)
    records.set_setting("kept", "yes")
    with records.database.writing() as connection:
        migrate(connection, "0006")
        assert "models" not in sa.inspect(connection).get_table_names()
    records.close()
    with closing(SqlRecords(address)) as again:
        assert (again.setting("kept"), list(again.models())) == ("yes", [])
        again.save_model(CARD)
        assert states(again) == {CARD.id: ModelState.TRAINED}


def test_models_and_what_became_of_them_move_with_the_records(records: SqlRecords, tmp_path: object) -> None:
    for name in "ab":
        records.save_model(card(name))
        promote(records, name)
    with closing(SqlRecords(f"sqlite:///{tmp_path}/other.db")) as other:
        copy_records(records.database, other.database, "moved")
        assert other.models() == records.models()
        assert other.restore_champion(at=AT, by="li", why="there too") == "a"
