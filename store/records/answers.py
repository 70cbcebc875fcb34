"""Answers to requests that may be sent again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from core.answering import GIVEN_UP, KEPT, Earlier
from store.records.answertables import answers
from store.records.database import Database, was_missing


class AnswerRecords:
    """Adapter of `core.answering.Answers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin_answer(self, request: str, body: str, at: datetime) -> Earlier | None:
        this = answers.c.request == request
        late = (answers.c.begun <= at - KEPT) | (~answers.c.done & (answers.c.begun <= at - GIVEN_UP))
        new = {"request": request, "body": body, "begun": at, "done": False, "answer": b""}
        with self._database.writing(alone=False) as connection:
            connection.execute(delete(answers).where(this, late))
            if was_missing(connection, answers, new):
                return None
            row = connection.execute(select(answers).where(this)).one()
        return Earlier(body=row.body, done=row.done, answer=row.answer)

    def keep_answer(self, request: str, at: datetime, answer: bytes) -> None:
        mine = (answers.c.request == request) & (answers.c.begun == at)
        with self._database.writing(alone=False) as connection:
            connection.execute(update(answers).where(mine).values(done=True, answer=answer))

    def drop_answer(self, request: str, at: datetime) -> None:
        mine = (answers.c.request == request) & (answers.c.begun == at)
        with self._database.writing(alone=False) as connection:
            connection.execute(delete(answers).where(mine, ~answers.c.done))

    def forget_answers(self, at: datetime, most: int) -> None:
        newest = select(answers.c.begun).order_by(answers.c.begun.desc()).offset(most).limit(1).scalar_subquery()
        with self._database.writing(alone=False) as connection:
            connection.execute(delete(answers).where((answers.c.begun <= at - KEPT) | (answers.c.begun <= newest)))
