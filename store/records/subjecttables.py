"""The table of requests for the file of what is held about a person, and to erase one."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from store.records.tables import Encrypted, Moment, Words, metadata

subject_requests = Table(
    "subject_requests",
    metadata,
    Column("id", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("right", "person", "pseudonym")),
    # What is encrypted stays so under the name that the table had when it knew erasures only.
    Column("reason", Encrypted("erasure_requests.reason"), nullable=False),
    Column("asked_by", Words, nullable=False),
    Column("asked", Moment, nullable=False),
    Column("done_by", Words, nullable=False),
    Column("done", Moment),
    Column("counts", Text, nullable=False),
)
