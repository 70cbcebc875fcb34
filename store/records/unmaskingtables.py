"""The table of unmaskings."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from store.records.tables import Encrypted, Moment, Words, metadata

unmaskings = Table(
    "unmaskings",
    metadata,
    Column("id", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("case", "person", "purpose")),
    Column("reason", Encrypted("unmaskings.reason"), nullable=False),
    Column("depth", Words, nullable=False),
    Column("lasts", BigInteger, nullable=False),
    *(Column(name, Words, nullable=False) for name in ("asked_by", "employee")),
    Column("asked", Moment, nullable=False),
    *(Column(name, Words, nullable=False) for name in ("state", "answered_by")),
    Column("answer", Encrypted("unmaskings.answer"), nullable=False),
    Column("answered", Moment),
    Column("until", Moment),
    Column("ended_by", Words, nullable=False),
    Column("ended", Moment),
    Index("unmaskings_by_asker", "asked_by", "state", "until"),
)
"""`lasts` in seconds."""
