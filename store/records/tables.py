"""Tables of the records database. Migrations in `store/migrations` make them; a test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Moment(TypeDecorator[datetime]):
    """A time with its zone on the Python side, UTC without one in the database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


metadata = MetaData()

persons = Table(
    "persons",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False),
    Column("department", String, nullable=False),
    Column("title", String, nullable=False),
    Column("manager_email", String, nullable=False),
    Column("hired", Date),
)
links = Table(
    "links",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("account", String, nullable=False, index=True),
    Column("person", String, nullable=False, index=True),
    Column("since", Moment),
    Column("until", Moment),
    Column("confidence", Float, nullable=False),
    Column("origin", String, nullable=False),
)
filings = Table(
    "filings",
    metadata,
    Column("account", String, primary_key=True),
    Column("filed", Moment, primary_key=True),
    Column("withdrawn", Boolean, primary_key=True),
    Column("last_day", Date),
)
accounts = Table(
    "accounts",
    metadata,
    Column("account", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("keys", Text, nullable=False),
)
marks = Table(
    "marks",
    metadata,
    Column("subject", String, primary_key=True),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("stamp", BigInteger, nullable=False),
)
alerts = Table(
    "alerts",
    metadata,
    Column("id", String, primary_key=True),
    Column("rule", String, nullable=False),
    Column("person", String, nullable=False),
    Column("day", Date, nullable=False),
    Column("time", Moment, nullable=False),
    Column("severity", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("stage", String, nullable=False),
    Column("terms", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("detected_at", Moment, nullable=False),
    Index("alerts_by_time", "time", "id"),
    Index("alerts_by_person", "person", "day"),
)
cases = Table(
    "cases",
    metadata,
    Column("id", String, primary_key=True),
    Column("person", String, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("opened", Moment, nullable=False),
    Column("score", Float, nullable=False),
    Column("alerts", Text, nullable=False),
)
segments = Table(
    "segments",
    metadata,
    Column("file", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("source", String, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("first", Moment),
    Column("last", Moment),
    Column("rules_version", String, nullable=False),
)
id_runs = Table(
    "id_runs",
    metadata,
    Column("file", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("rows", BigInteger, nullable=False),
)
progress = Table(
    "progress",
    metadata,
    Column("source", String, primary_key=True),
    Column("file", String, primary_key=True),
    Column("read", BigInteger, nullable=False),
    Column("ignored", Text, nullable=False),
    Column("finished", Boolean, nullable=False),
)
settings = Table(
    "settings",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)
