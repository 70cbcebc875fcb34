"""Tables of cases that are gone while something lies with them, and of where it went."""

from __future__ import annotations

from sqlalchemy import Column, Table

from store.records.tables import Moment, Words, metadata

displaced = Table(
    "displaced_alerts",
    metadata,
    Column("case", Words, primary_key=True),
    Column("alert", Words, primary_key=True),
    Column("person", Words, nullable=False, index=True),
    Column("about", Words, nullable=False),
)
"""The alerts that such a case of a `person` had, and whose each is (`about`)."""
moves = Table(
    "case_moves",
    metadata,
    Column("case", Words, primary_key=True),
    Column("target", Words, nullable=False, index=True),
    Column("at", Moment, nullable=False),
)
"""By which case one that is gone is found; `target` is never one of those that moved."""
