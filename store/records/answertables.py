"""The table of answers to requests that may be sent again."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, LargeBinary, Table

from store.records.tables import Moment, Words, metadata

answers = Table(
    "answers",
    metadata,
    Column("request", Words, primary_key=True),
    Column("body", Words, nullable=False),
    Column("begun", Moment, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index("answers_by_time", "begun"),
)
"""What is in it cannot be read without the key of the request, which is not in it."""
