"""The table of requests to erase a person."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from store.records.tables import Encrypted, Moment, Words, metadata

erasure_requests = Table(
    "erasure_requests",
    metadata,
    Column("id", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("person", "pseudonym")),
    Column("reason", Encrypted("erasure_requests.reason"), nullable=False),
    Column("asked_by", Words, nullable=False),
    Column("asked", Moment, nullable=False),
    Column("done_by", Words, nullable=False),
    Column("done", Moment),
    Column("erased", Text, nullable=False),
)
