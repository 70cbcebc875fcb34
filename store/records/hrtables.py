"""Tables of what HR is told, and of persons as other systems keep them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Integer, Table, Text

from store.records.tables import Encrypted, Moment, Words, metadata

notices = Table(
    "notices",
    metadata,
    Column("id", Words, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("case", Words, nullable=False, index=True),
    Column("person", Words, nullable=False, index=True),
    *(Column(name, Words, nullable=False) for name in ("stage", "level", "state", "sent_by", "acknowledged_by")),
    Column("steps", Text, nullable=False),
    *(Column(name, Encrypted(f"notices.{name}"), nullable=False) for name in ("answers", "feedback", "why")),
    Column("deadline", Date, nullable=False),
    Column("last_day", Date),
    Column("resignation", Boolean, nullable=False),
    Column("reminded", Boolean, nullable=False),
    Column("sent", Moment, nullable=False),
    Column("acknowledged", Moment),
    Column("ended", Moment),
    Column("version", Integer, nullable=False),
)
members = Table(
    "members",
    metadata,
    Column("person", Words, primary_key=True),
    Column("user_name", Encrypted("members.user_name"), nullable=False),
    Column("external_id", Words, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created", Moment, nullable=False),
    Column("modified", Moment, nullable=False),
    Column("version", Integer, nullable=False),
)
