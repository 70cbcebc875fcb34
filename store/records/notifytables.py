"""Tables of channels, what is told by them, and response actions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from store.records.tables import Encrypted, Moment, Words, metadata

channels = Table(
    "channels",
    metadata,
    Column("name", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("kind", "shown")),
    Column("sealed", LargeBinary, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("kinds", "actions")),
    Column("per_hour", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("why_off", Text, nullable=False),
)
rules = Table(
    "notification_rules",
    metadata,
    Column("name", Words, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("body", Text, nullable=False),
)
preferences = Table(
    "notification_preferences",
    metadata,
    Column("user", Words, primary_key=True),
    Column("body", Text, nullable=False),
)
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("channel", "kind")),
    Column("at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    Column("due", Moment, nullable=False),
    Column("number", BigInteger, nullable=False),
    *(Column(name, Words, nullable=False) for name in ("recipient", "language", "action", "state")),
    Column("attempts", Integer, nullable=False),
    Column("changed", Moment),
    Column("message", Words, nullable=False),
    Column("note", Text, nullable=False),
    Index("deliveries_due", "state", "due"),
    Index("deliveries_by_channel", "channel", "at"),
)
actions = Table(
    "actions",
    metadata,
    Column("id", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("kind", "case", "person")),
    Column("reason", Encrypted("actions.reason"), nullable=False),
    Column("asked_by", Words, nullable=False),
    *(Column(name, Moment, nullable=False) for name in ("asked", "expires")),
    *(Column(name, Words, nullable=False) for name in ("playbook", "alert", "state", "decided_by")),
    Column("decided", Moment),
    Column("decision", Encrypted("actions.decision"), nullable=False),
    Column("changed", Moment),
    Column("result", Encrypted("actions.result"), nullable=False),
    Index("actions_by_case", "case"),
)
calendar_tokens = Table(
    "calendar_tokens",
    metadata,
    Column("user", Words, primary_key=True),
    Column("digest", Words, nullable=False, unique=True),
    Column("made", Moment, nullable=False),
)
