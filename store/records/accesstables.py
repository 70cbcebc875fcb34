"""Tables of users, of what they log in with, and of what programs call with. No secret stands in them in clear."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, false

from store.records.tables import Moment, Words, metadata

users = Table(
    "users",
    metadata,
    Column("name", Words, primary_key=True),
    Column("created", Moment, nullable=False),
    *(Column(name, Words, nullable=False) for name in ("person", "email", "language", "disabled_by")),
    *(Column(name, Words, nullable=False) for name in ("issuer", "subject")),
    *(Column(name, Text, nullable=False) for name in ("roles", "departments", "countries")),
    Column("password", Words, nullable=False, server_default=""),
    Column("totp", Words, nullable=False, server_default=""),
    Column("confirmed", Boolean, nullable=False, server_default=false()),
    Column("step", Integer, nullable=False, server_default="-1"),
    Index("users_by_subject", "issuer", "subject"),
)
"""`password` is an argon2 hash, `totp` is sealed."""
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user", Words, primary_key=True),
    Column("digest", Words, primary_key=True),
)
user_sessions = Table(
    "user_sessions",
    metadata,
    Column("digest", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("id", "user", "way", "address")),
    *(Column(name, Moment, nullable=False) for name in ("opened", "seen")),
    Index("user_sessions_by_user", "user"),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("digest", "user")),
    *(Column(name, Text, nullable=False) for name in ("purpose", "permissions")),
    *(Column(name, Moment, nullable=False) for name in ("created", "expires")),
    *(Column(name, Moment) for name in ("used", "revoked")),
    Index("api_keys_by_user", "user"),
)
invitations = Table(
    "invitations",
    metadata,
    Column("user", Words, primary_key=True),
    Column("digest", Words, nullable=False),
    Column("expires", Moment, nullable=False),
    Column("made_by", Words, nullable=False, server_default=""),
)
attempts = Table(
    "attempts",
    metadata,
    Column("subject", Words, primary_key=True),
    Column("failed", Integer, nullable=False),
    *(Column(name, Moment) for name in ("last", "until")),
)
