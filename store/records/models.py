"""Which models there are, where each stands, and how it came to stand there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from core.errors import Refused
from core.model import ModelCard, ModelState, RegisteredModel
from store.records.database import Database, upsert
from store.records.findings import champion_of, findings_of, mark_differences
from store.records.tables import model_changes, model_files, models


class Change(StrEnum):
    """What may become of a model. `restored`: champion again, because its successor was rolled back."""

    TRAINED = "trained"
    SHADOW = "shadow"
    PROMOTED = "promoted"
    RESTORED = "restored"
    REPLACED = "replaced"
    ROLLED_BACK = "rolled back"
    RETIRED = "retired"


BECOMES = {
    ModelState.SHADOW: Change.SHADOW,
    ModelState.CHAMPION: Change.PROMOTED,
    ModelState.RETIRED: Change.RETIRED,
}


class ModelRecords:
    """Adapter of `core.ports.Models`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_model(self, card: ModelCard, data: bytes = b"") -> None:
        with self._database.writing() as connection:
            held = connection.execute(select(models.c.card).where(models.c.id == card.id)).scalar()
            if held is not None and held != card.to_json():
                raise Refused(f"there is another model {card.id}")
            if data:
                upsert(connection, model_files, [{"model": card.id, "data": data}])
            if held is not None:
                return
            row = {"id": card.id, "state": ModelState.TRAINED.value, "created": card.created, "card": card.to_json()}
            connection.execute(insert(models), row)
            _note(connection, card.id, Change.TRAINED, card.created, card.trained_by, "")

    def model_file(self, model: str) -> bytes | None:
        with self._database.reading() as connection:
            query = select(model_files.c.data).where(model_files.c.model == model)
            found: bytes | None = connection.execute(query).scalar()
        return found

    def models(self) -> Sequence[RegisteredModel]:
        with self._database.reading() as connection:
            rows = connection.execute(select(models).order_by(models.c.created, models.c.id)).mappings().all()
            changes = connection.execute(select(model_changes).order_by(model_changes.c.number)).mappings()
            last = {change["model"]: change for change in changes}
        return [
            RegisteredModel(
                card=ModelCard.from_json(row["card"]),
                state=ModelState(row["state"]),
                changed=last[row["id"]]["at"],
                by=last[row["id"]]["by"],
                why=last[row["id"]]["why"],
            )
            for row in rows
        ]

    def move_model(self, model: str, state: ModelState, *, at: datetime, by: str, why: str) -> None:
        if state not in BECOMES:
            raise Refused("no model is put back to trained: train another one")
        with self._database.writing() as connection:
            now = _state(connection, model)
            if now is None:
                raise Refused(f"there is no model {model}")
            if now == state:
                return
            if now == ModelState.CHAMPION:
                raise Refused(f"{model} is champion: promote another one, or roll it back")
            champion = champion_of(connection)
            if state == ModelState.CHAMPION:
                _hand_over(connection, champion, model)
            if state == ModelState.CHAMPION and champion:
                _become(connection, champion, ModelState.RETIRED)
                _note(connection, champion, Change.REPLACED, at, by, f"by {model}")
            _become(connection, model, state)
            _note(connection, model, BECOMES[state], at, by, why)

    def restore_champion(self, *, at: datetime, by: str, why: str) -> str:
        with self._database.writing() as connection:
            line = _line(connection)
            if len(line) < 2:
                raise Refused("no champion had one before it to go back to")
            before, champion = line[-2:]
            _hand_over(connection, champion, before)
            _become(connection, champion, ModelState.RETIRED)
            _note(connection, champion, Change.ROLLED_BACK, at, by, why)
            _become(connection, before, ModelState.CHAMPION)
            _note(connection, before, Change.RESTORED, at, by, f"in the place of {champion}")
        return before


def _line(connection: Connection) -> list[str]:
    """The champions, each in the place of the one before it, to the present one."""
    changes = select(model_changes.c.model, model_changes.c.change).order_by(model_changes.c.number)
    line: list[str] = []
    for model, change in connection.execute(changes):
        if change == Change.PROMOTED:
            line.append(model)
        elif change == Change.ROLLED_BACK:
            line.pop()
    return line


def _hand_over(connection: Connection, champion: str | None, successor: str) -> None:
    """Have the days judged of which the next champion finds other things."""
    mark_differences(connection, findings_of(connection, champion), findings_of(connection, successor))


def _state(connection: Connection, model: str) -> str | None:
    found: str | None = connection.execute(select(models.c.state).where(models.c.id == model)).scalar()
    return found


def _become(connection: Connection, model: str, state: ModelState) -> None:
    connection.execute(update(models).where(models.c.id == model).values(state=state.value))


def _note(connection: Connection, model: str, change: Change, at: datetime, by: str, why: str) -> None:
    row = {"model": model, "change": change.value, "at": at, "by": by, "why": why}
    connection.execute(insert(model_changes), row)
