"""What lies with cases: tasks, comments, attachments, and the filters that people keep."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby

from sqlalchemy import Table, delete, func, insert, select, update

from core.casefiles import Attachment, Comment, SavedView, Task, Written
from core.errors import Refused, Stale
from core.happening import Kind
from core.triage import Step
from store.records.database import Database, Row, add_missing, pieces, upsert
from store.records.happenings import happen_in
from store.records.triagerows import having_all, note_step, save_words, step_happening, the_case
from store.records.triagetables import attached_files, comment_texts
from store.records.triagetables import attachments as attachment_table
from store.records.triagetables import comments as comment_table
from store.records.triagetables import tasks as task_table
from store.records.triagetables import views as view_table
from store.records.triagetables import words as word_table

TEXTS = {
    "comment ": (comment_table, comment_table.c.text),
    "task ": (task_table, task_table.c.title),
    "attachment ": (attachment_table, attachment_table.c.name),
}
"""By what a document of `case_words` begins with: where it lies, and what of it is looked for."""


class CaseFileRecords:
    """Adapter of `core.casefiles.CaseFiles`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_task(self, task: Task) -> None:
        self._save_task(task, Step.TASK_ADDED, at=task.at, by=task.by)

    def change_task(self, task: Task, *, at: datetime, by: str) -> None:
        self._save_task(task, Step.TASK_CHANGED, at=at, by=by)

    def _save_task(self, task: Task, step: Step, *, at: datetime, by: str) -> None:
        with self._database.writing() as connection:
            case = the_case(connection, task.case)
            known: int | None = connection.execute(
                select(task_table.c.version).where(task_table.c.id == task.id)
            ).scalar()
            if task.version != (known or 0) + 1:
                raise Stale("somebody has changed the task meanwhile: look at it again")
            upsert(connection, task_table, [asdict(task)])
            save_words(connection, task.case, f"task {task.id}", task.title)
            told = {"task": task.id, "assignee": task.assignee, "done": task.done is not None}
            note_step(connection, case, step, at=at, by=by, details=told)
            to = [f"user:{task.assignee}"] if task.assignee else []
            happen_in(connection, [step_happening(connection, case, Kind.TASK_SET, at=at, by=by, to=to, details=told)])

    def tasks(self, case: str) -> Sequence[Task]:
        return [Task(**row) for row in self._of(task_table, case)]

    def add_comment(self, comment: Comment, to: Sequence[str] = ()) -> None:
        with self._database.writing() as connection:
            case = the_case(connection, comment.case)
            connection.execute(insert(comment_table).values(_comment_row(comment)))
            save_words(connection, comment.case, f"comment {comment.id}", comment.text)
            at, by, told = comment.at, comment.by, {"comment": comment.id}
            note_step(connection, case, Step.COMMENTED, at=at, by=by, details=told)
            happen_in(
                connection, [step_happening(connection, case, Kind.CASE_COMMENTED, at=at, by=by, to=to, details=told)]
            )

    def change_comment(self, comment: Comment, *, at: datetime, to: Sequence[str] = ()) -> None:
        step = Step.COMMENT_WITHDRAWN if comment.withdrawn else Step.COMMENT_CHANGED
        this = comment_table.c.id == comment.id
        with self._database.writing() as connection:
            case = the_case(connection, comment.case)
            before = connection.execute(select(comment_table).where(this)).mappings().one()
            if before["withdrawn"]:
                raise Refused("the comment was withdrawn")
            counted = select(func.count()).where(comment_texts.c.comment == comment.id)
            number = connection.execute(counted).scalar()
            kept = {"comment": comment.id, "number": number, "text": before["text"]}
            connection.execute(insert(comment_texts).values(kept))
            now = {"text": comment.text, "changed": at, "withdrawn": comment.withdrawn}
            connection.execute(update(comment_table).where(this).values(now))
            save_words(connection, comment.case, f"comment {comment.id}", comment.text)
            note_step(connection, case, step, at=at, by=comment.by, details={"comment": comment.id})
            if to:
                about, told = Kind.CASE_COMMENTED, {"comment": comment.id}
                happen_in(
                    connection, [step_happening(connection, case, about, at=at, by=comment.by, to=to, details=told)]
                )

    def comments(self, case: str) -> Sequence[Comment]:
        with self._database.reading() as connection:
            texts = select(comment_texts).join(comment_table, comment_table.c.id == comment_texts.c.comment)
            texts = texts.where(comment_table.c.case == case).order_by(comment_texts.c.comment, comment_texts.c.number)
            rows = connection.execute(texts).all()
            earlier = {of: tuple(row.text for row in some) for of, some in groupby(rows, key=lambda row: row.comment)}
            query = select(comment_table).where(comment_table.c.case == case)
            found = connection.execute(query.order_by(comment_table.c.at, comment_table.c.id)).mappings()
            return [Comment(**row, earlier=earlier.get(row["id"], ())) for row in found]

    def attach(self, attachment: Attachment, data: bytes, most: int) -> None:
        with self._database.writing() as connection:
            case = the_case(connection, attachment.case)
            sizes = select(func.sum(attachment_table.c.size)).where(attachment_table.c.case == attachment.case)
            if (connection.execute(sizes).scalar() or 0) + attachment.size > most:
                raise Refused(f"the attachments of a case have {most:,} bytes together at most")
            add_missing(connection, attached_files, [{"sha256": attachment.sha256, "data": data}])
            connection.execute(insert(attachment_table).values(asdict(attachment)))
            save_words(connection, attachment.case, f"attachment {attachment.id}", attachment.name)
            told = {"attachment": attachment.id, "sha256": attachment.sha256, "size": attachment.size}
            note_step(connection, case, Step.ATTACHED, at=attachment.at, by=attachment.by, details=told)

    def attachments(self, case: str) -> Sequence[Attachment]:
        return [Attachment(**row) for row in self._of(attachment_table, case)]

    def attached(self, attachment: Attachment) -> bytes:
        this = attached_files.c.sha256 == attachment.sha256
        with self._database.reading() as connection:
            data: bytes = connection.execute(select(attached_files.c.data).where(this)).scalar_one()
        return data

    def written(self, cases: Collection[str], terms: Sequence[frozenset[str]]) -> Sequence[Written]:
        with self._database.reading() as connection:
            documents = {
                document
                for some in pieces(sorted(cases))
                for words in terms
                for document in connection.execute(having_all(words).where(word_table.c.case.in_(some))).scalars()
            }
            found = []
            for kind, (table, text) in TEXTS.items():
                ids = sorted(one.removeprefix(kind) for one in documents if one.startswith(kind))
                query = select(table.c.case, table.c.by, text)
                for some in pieces(ids):
                    rows = connection.execute(query.where(table.c.id.in_(some))).all()
                    found += [Written(case=case, by=by, text=said) for case, by, said in rows]
            return found

    def save_view(self, view: SavedView) -> None:
        with self._database.writing() as connection:
            query = select(view_table.c.version).where(view_table.c.id == view.id)
            if view.version != (connection.execute(query).scalar() or 0) + 1:
                raise Stale("the view has changed meanwhile: look at it again")
            upsert(connection, view_table, [_view_row(view)])

    def drop_view(self, view: SavedView) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(view_table).where(view_table.c.id == view.id))

    def views(self) -> Sequence[SavedView]:
        query = select(view_table).order_by(view_table.c.name, view_table.c.id)
        with self._database.reading() as connection:
            return [_view(dict(row)) for row in connection.execute(query).mappings()]

    def _of(self, table: Table, case: str) -> list[Row]:
        query = select(table).where(table.c.case == case).order_by(table.c.at, table.c.id)
        with self._database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _comment_row(comment: Comment) -> Row:
    return {name: value for name, value in asdict(comment).items() if name != "earlier"}


def _view_row(view: SavedView) -> Row:
    texts = {"filter": json.dumps(dict(view.filter), sort_keys=True), "columns": json.dumps(list(view.columns))}
    return asdict(view) | texts


def _view(row: Row) -> SavedView:
    return SavedView(**row | {"filter": json.loads(row["filter"]), "columns": tuple(json.loads(row["columns"]))})
