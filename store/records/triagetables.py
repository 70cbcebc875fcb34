"""Tables of the work on cases. None of them is touched when a person is judged, but for `case_contents`, which says
who and what a case is about."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, Text

from store.records.tables import Encrypted, Moment, Words, metadata

work = Table(
    "case_work",
    metadata,
    Column("case", Words, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", Words, nullable=False),
    Column("assignee", Words, nullable=False, index=True),
    Column("due", Moment),
    Column("handed_over", Moment),
    Column("because", Words, nullable=False),
    Column("lead", Words, nullable=False, index=True),
)
splits = Table(
    "case_splits",
    metadata,
    Column("alert", Words, primary_key=True),
    Column("person", Words, nullable=False),
    Column("number", Integer, nullable=False),
    Column("origin", Integer, nullable=False),
)
contents = Table(
    "case_contents",
    metadata,
    Column("case", Words, primary_key=True),
    Column("person", Words, primary_key=True),
    Column("rule", Words, primary_key=True),
    Column("severity", Integer, primary_key=True, autoincrement=False),
    Index("case_contents_by_rule", "rule", "case"),
    Index("case_contents_by_severity", "severity", "case"),
    Index("case_contents_by_person", "person", "case"),
)
words = Table(
    "case_words",
    metadata,
    Column("word", Words, primary_key=True),
    Column("case", Words, primary_key=True),
    Column("document", Words, primary_key=True),
    Index("case_words_by_document", "document"),
)
tasks = Table(
    "case_tasks",
    metadata,
    Column("id", Words, primary_key=True),
    Column("case", Words, nullable=False, index=True),
    Column("title", Encrypted("case_tasks.title"), nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("assignee", Words, nullable=False),
    Column("due", Moment),
    Column("done", Moment),
    Column("done_by", Words, nullable=False),
    Column("version", Integer, nullable=False),
)
comments = Table(
    "case_comments",
    metadata,
    Column("id", Words, primary_key=True),
    Column("case", Words, nullable=False, index=True),
    Column("text", Encrypted("case_comments.text"), nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("changed", Moment),
    Column("withdrawn", Boolean, nullable=False),
)
comment_texts = Table(
    "case_comment_texts",
    metadata,
    Column("comment", Words, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("text", Encrypted("case_comment_texts.text"), nullable=False),
)
attachments = Table(
    "case_attachments",
    metadata,
    Column("id", Words, primary_key=True),
    Column("case", Words, nullable=False, index=True),
    Column("name", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
)
attached_files = Table(
    "attached_files",
    metadata,
    Column("sha256", Words, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
views = Table(
    "case_views",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("owner", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("filter", Text, nullable=False),
    Column("columns", Text, nullable=False),
    Column("version", Integer, nullable=False),
)
