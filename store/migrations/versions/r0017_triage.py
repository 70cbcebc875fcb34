"""What people do with cases, and who and what each case is about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SEVERITIES = ("informational", "low", "medium", "high", "critical")
AT_ONCE = 500
T = TypeVar("T")


def upgrade() -> None:
    op.create_table(
        "case_work",
        _key("case"),
        _number("version"),
        *_words("state", "assignee"),
        sa.Column("due", sa.DateTime),
        sa.Column("handed_over", sa.DateTime),
        *_words("because", "lead"),
    )
    op.create_index("ix_case_work_assignee", "case_work", ["assignee"])
    op.create_index("ix_case_work_lead", "case_work", ["lead"])
    op.create_table("case_splits", _key("alert"), *_words("person"), _number("number"), _number("origin"))
    severity = sa.Column("severity", sa.Integer, primary_key=True, autoincrement=False)
    op.create_table("case_contents", _key("case"), _key("person"), _key("rule"), severity)
    op.create_index("case_contents_by_rule", "case_contents", ["rule", "case"])
    op.create_index("case_contents_by_severity", "case_contents", ["severity", "case"])
    op.create_table("case_words", _key("word"), _key("case"), _key("document"))
    op.create_index("case_words_by_document", "case_words", ["document"])
    op.create_table(
        "case_tasks",
        _key("id"),
        *_words("case"),
        _text("title"),
        *_words("by"),
        _moment("at"),
        *_words("assignee"),
        sa.Column("due", sa.DateTime),
        sa.Column("done", sa.DateTime),
        *_words("done_by"),
        _number("version"),
    )
    op.create_table(
        "case_comments",
        _key("id"),
        *_words("case"),
        _text("text"),
        *_words("by"),
        _moment("at"),
        sa.Column("changed", sa.DateTime),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
    )
    number = sa.Column("number", sa.Integer, primary_key=True, autoincrement=False)
    op.create_table("case_comment_texts", _key("comment"), number, _text("text"))
    op.create_table(
        "case_attachments",
        _key("id"),
        *_words("case", "name", "kind"),
        _number("size"),
        *_words("sha256", "by"),
        _moment("at"),
    )
    for name in ("case_tasks", "case_comments", "case_attachments"):
        op.create_index(f"ix_{name}_case", name, ["case"])
    op.create_table("attached_files", _key("sha256"), sa.Column("data", sa.LargeBinary, nullable=False))
    op.create_table(
        "case_views",
        _key("id"),
        *_words("name", "owner", "role"),
        _text("filter"),
        _text("columns"),
        _number("version"),
    )
    _fill()


def downgrade() -> None:
    for name in (
        "case_views",
        "attached_files",
        "case_attachments",
        "case_comment_texts",
        "case_comments",
        "case_tasks",
    ):
        op.drop_table(name)
    for name in ("case_words", "case_contents", "case_splits", "case_work"):
        op.drop_table(name)


def _fill() -> None:
    """Of the cases that are there: who and what they are about."""
    connection = op.get_bind()
    cases = sa.table("cases", *map(sa.column, ("id", "alerts")))
    alerts = sa.table("alerts", *map(sa.column, ("id", "person", "rule", "severity")))
    contents = sa.table("case_contents", *map(sa.column, ("case", "person", "rule", "severity")))
    for some in _some(list(connection.execute(sa.select(cases)))):
        of: dict[str, list[str]] = {}
        for case in some:
            for alert in json.loads(case.alerts):
                of.setdefault(alert, []).append(case.id)
        rows = {
            (case, alert.person, alert.rule, SEVERITIES.index(alert.severity))
            for ids in _some(sorted(of))
            for alert in connection.execute(sa.select(alerts).where(alerts.c.id.in_(ids)))
            for case in of[alert.id]
        }
        names = ("case", "person", "rule", "severity")
        op.bulk_insert(contents, [dict(zip(names, row, strict=True)) for row in sorted(rows)])


def _some(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String, primary_key=True)


def _words(*names: str) -> Iterator[sa.Column[str]]:
    return (sa.Column(name, sa.String, nullable=False) for name in names)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime, nullable=False)
