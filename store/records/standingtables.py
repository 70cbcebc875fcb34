"""Tables that lists are read from: where persons stand by risk, and whom cases are about."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from store.records.tables import Moment, Words, metadata

standings = Table(
    "standings",
    metadata,
    Column("person", Words, primary_key=True),
    Column("since", Moment, primary_key=True),
    Column("until", Moment, nullable=False),
    Column("depth", Float, nullable=False),
    Column("score", Float, nullable=False),
    Column("newest", Moment, nullable=False),
    Column("first_alert", Moment, nullable=False),
    Column("alerts", Integer, nullable=False),
    Column("ahead", Moment),
    Column("strongest", Text, nullable=False),
    Column("further", Text, nullable=False, server_default="[]"),
    Index("standings_by_depth", "depth", "person"),
    Index("standings_by_newest", "newest"),
)
unranked = Table(
    "unranked",
    metadata,
    Column("person", Words, primary_key=True),
    Column("stamp", BigInteger, nullable=False),
)
"""Persons whose alerts have come, changed or gone since their standing was kept."""
