"""Tables of the records database. Migrations in `store/migrations` make them; a test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime
from weakref import WeakKeyDictionary

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
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from core.keyring import KeyRing


class Moment(TypeDecorator[datetime]):
    """A time with its zone on the Python side, UTC without one in the database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text as it came. PostgreSQL has no NUL in text, so there it is written as two characters that say so."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name != "postgresql" or not ("\0" in value or "\x1a" in value):
            return value
        return value.replace("\x1a", "\x1a1").replace("\0", "\x1a0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name != "postgresql" or "\x1a" not in value:
            return value
        return value.replace("\x1a0", "\0").replace("\x1a1", "\x1a")


RINGS: WeakKeyDictionary[Dialect, KeyRing] = WeakKeyDictionary()
"""By whose keys each opened database is encrypted."""


class Encrypted(Words):
    """Text about people, encrypted at rest wherever the database is opened with its keys. `about` is the column's full
    name: what stands in one column is none in another. Nobody can ask the database for it, nor have it sort by it. An
    empty text stays one."""

    impl = Text
    cache_ok = True

    def __init__(self, about: str) -> None:
        super().__init__()
        self.about = about

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        ring = RINGS.get(dialect)
        return ring.seal(value, self.about) if ring and value else super().process_bind_param(value, dialect)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        ring = RINGS.get(dialect)
        return ring.open(value, self.about) if ring and value else super().process_result_value(value, dialect)


metadata = MetaData()

persons = Table(
    "persons",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Encrypted("persons.name"), nullable=False),
    Column("email", Encrypted("persons.email"), nullable=False),
    Column("department", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("manager_email", Encrypted("persons.manager_email"), nullable=False),
    Column("hired", Date),
    Column("country", Words, nullable=False, server_default=""),
)
links = Table(
    "links",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("account", Words, nullable=False, index=True),
    Column("person", Words, nullable=False, index=True),
    Column("since", Moment),
    Column("until", Moment),
    Column("confidence", Float, nullable=False),
    Column("origin", Words, nullable=False),
)
filings = Table(
    "filings",
    metadata,
    Column("account", Words, primary_key=True),
    Column("filed", Moment, primary_key=True),
    Column("withdrawn", Boolean, primary_key=True),
    Column("last_day", Date),
)
accounts = Table(
    "accounts",
    metadata,
    Column("account", Words, primary_key=True),
    Column("source", Words, primary_key=True),
    Column("keys", Text, nullable=False),
)
marks = Table(
    "marks",
    metadata,
    Column("subject", Words, primary_key=True),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("urgent", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("stamp", BigInteger, nullable=False),
)
alerts = Table(
    "alerts",
    metadata,
    Column("id", Words, primary_key=True),
    Column("rule", Words, nullable=False),
    Column("person", Words, nullable=False),
    Column("day", Date, nullable=False),
    Column("time", Moment, nullable=False),
    Column("severity", Words, nullable=False),
    Column("score", Float, nullable=False),
    Column("stage", Words, nullable=False),
    Column("terms", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("detected_at", Moment, nullable=False),
    Column("outcome", Words, nullable=False, server_default="alert"),
    Column("grounds", Text, nullable=False, server_default="[]"),
    Column("why", Text, nullable=False, server_default=""),
    Index("alerts_by_time", "time", "id"),
    Index("alerts_by_person", "person", "day"),
    # Lists: what they are narrowed by stands in the index too, so that no row is read that is not shown.
    Index("alerts_by_outcome", "outcome", "time", "id", "person", "severity", "rule", "stage"),
    Index("alerts_of_person", "person", "outcome", "time", "id"),
    Index("alerts_of_rule", "rule", "outcome", "time", "id"),
)
cases = Table(
    "cases",
    metadata,
    Column("id", Words, primary_key=True),
    Column("person", Words, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("state", Words, nullable=False),
    Column("opened", Moment, nullable=False),
    Column("score", Float, nullable=False),
    Column("alerts", Text, nullable=False),
    Column("scores", Text, nullable=False, server_default="[]"),
    Column("reason", Encrypted("cases.reason"), nullable=False, server_default=""),
    Column("decided", Moment),
    Column("decided_by", Words, nullable=False, server_default=""),
    Index("cases_by_opened", "opened", "id"),
)
approvals = Table(
    "approvals",
    metadata,
    Column("kind", Words, primary_key=True),
    Column("id", Words, primary_key=True),
    Column("account", Words, nullable=False),
    Column("recipients", Encrypted("approvals.recipients"), nullable=False),
    Column("purpose", Encrypted("approvals.purpose"), nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("approvers", Encrypted("approvals.approvers"), nullable=False),
    Column("files", Text, nullable=False),
    Column("filed", Moment, nullable=False),
    Column("imported", Moment, nullable=False),
)
exceptions = Table(
    "exceptions",
    metadata,
    Column("id", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("rule", "tag", "person", "department", "title")),
    Column("hours", Words, nullable=False),
    Column("reason", Encrypted("exceptions.reason"), nullable=False),
    Column("owner", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
    Column("filed", Moment, nullable=False),
)
models = Table(
    "models",
    metadata,
    Column("id", Words, primary_key=True),
    Column("state", Words, nullable=False),
    Column("created", Moment, nullable=False),
    Column("card", Text, nullable=False),
)
model_changes = Table(
    "model_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("model", Words, nullable=False, index=True),
    Column("change", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", Words, nullable=False),
    Column("why", Text, nullable=False),
)
"""What became of models, in order: nothing of it is ever changed."""
model_files = Table(
    "model_files",
    metadata,
    Column("model", Words, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
model_findings = Table(
    "model_findings",
    metadata,
    Column("model", Words, primary_key=True),
    Column("person", Words, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("one_in", Float, nullable=False),
    Column("votes", Text, nullable=False),
    Index("model_findings_by_day", "model", "day", "place"),
)
model_days = Table(
    "model_days",
    metadata,
    Column("model", Words, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    Column("fingerprint", Words, nullable=False),
)
"""Which days a model has scored, of the persons whose places lie between two."""

incidents = Table(
    "incidents",
    metadata,
    Column("account", Words, primary_key=True),
    Column("first", Date, primary_key=True),
    Column("last", Date, nullable=False),
    Column("kind", Words, nullable=False),
    Column("why", Encrypted("incidents.why"), nullable=False),
    Column("who", Words, nullable=False),
    Column("filed", Moment, nullable=False),
)
segments = Table(
    "segments",
    metadata,
    Column("file", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("first", Moment),
    Column("last", Moment),
    Column("rules_version", Words, nullable=False),
)
id_runs = Table(
    "id_runs",
    metadata,
    Column("file", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("rows", BigInteger, nullable=False),
)
ledger_trees = Table(
    "ledger_trees",
    metadata,
    Column("algorithm", Words, primary_key=True),
    Column("size", BigInteger, nullable=False),
)
"""How many leaves the ledger has; whoever appends holds the rows."""
ledger_tiles = Table(
    "ledger_tiles",
    metadata,
    Column("algorithm", Words, primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
)
ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("kind", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("since", Moment),
    Column("until", Moment),
    Column("salt", LargeBinary, nullable=False),
    Column("ids", LargeBinary, nullable=False),
    Column("times", LargeBinary, nullable=False),
    Column("accounts", LargeBinary, nullable=False),
    Index("ledger_entries_by_time", "since", "until"),
)
ledger_heads = Table(
    "ledger_heads",
    metadata,
    Column("id", Words, primary_key=True),
    Column("log", Words, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    Column("roots", Text, nullable=False),
    Column("key", Words, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
ledger_tokens = Table(
    "ledger_tokens",
    metadata,
    Column("head", Words, primary_key=True),
    Column("authority", Words, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
ledger_keys = Table(
    "ledger_keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("public", LargeBinary, nullable=False),
    Column("since", Moment, nullable=False),
    Column("before", Words, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
progress = Table(
    "progress",
    metadata,
    Column("source", Words, primary_key=True),
    Column("file", Words, primary_key=True),
    Column("read", BigInteger, nullable=False),
    Column("ignored", Text, nullable=False),
    Column("finished", Boolean, nullable=False),
)
settings = Table(
    "settings",
    metadata,
    Column("name", Words, primary_key=True),
    Column("value", Text, nullable=False),
)
turns = Table("turns", metadata, Column("person", Words, primary_key=True))
"""Whoever holds the lock of a row judges that person; the row itself says nothing."""
intents = Table(
    "intents",
    metadata,
    Column("append", Words, primary_key=True),
    Column("subject", Words, primary_key=True),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("begun", Moment, nullable=False),
    Index("intents_by_subject", "subject"),
)
"""What an append to a store outside the database is about to touch; gone once its marks are there."""
untold = Table(
    "untold",
    metadata,
    Column("alert", Words, primary_key=True),
    Column("person", Words, nullable=False),
    Column("stamp", BigInteger, nullable=False),
)
"""Alerts that have come, changed or gone since the world outside was last told of them."""

unfrozen = Table(
    "unfrozen",
    metadata,
    Column("alert", Words, primary_key=True),
    Column("stamp", BigInteger, nullable=False),
)
"""Alerts that have come, changed or gone since their evidence was last frozen."""
snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Words, primary_key=True),
    Column("alert", Words, nullable=False),
    Column("person", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("digest", Words, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("snapshots_by_alert", "alert", "at"),
)
"""`digest` is that of the alert alone, as it was."""
frozen_events = Table(
    "frozen_events",
    metadata,
    Column("id", Words, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
released_events = Table("released_events", metadata, Column("id", Words, primary_key=True))
"""Frozen events whose snapshots are gone, until it is known whether others rest on them."""
frozen_texts = Table(
    "frozen_texts",
    metadata,
    Column("sha256", Words, primary_key=True),
    Column("text", LargeBinary, nullable=False),
)
holds = Table(
    "holds",
    metadata,
    Column("id", Words, primary_key=True),
    *(Column(name, Words, nullable=False) for name in ("scope", "subject")),
    Column("reason", Encrypted("holds.reason"), nullable=False),
    Column("placed_by", Words, nullable=False),
    Column("placed", Moment, nullable=False),
    Column("since", Moment),
    Column("until", Moment),
    Column("persons", Text, nullable=False),
    Column("lift_asked_by", Words, nullable=False),
    Column("lift_reason", Encrypted("holds.lift_reason"), nullable=False),
    Column("lifted_by", Words, nullable=False),
    Column("lifted", Moment),
)
audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("by", Words, nullable=False),
    Column("deed", Words, nullable=False),
    Column("about", Text, nullable=False),
    Column("why", Encrypted("audit.why"), nullable=False),
    Column("details", Text, nullable=False),
    Column("before", Words, nullable=False),
    Column("digest", Words, nullable=False),
)
"""Nothing of it is ever changed."""
audit_subjects = Table(
    "audit_subjects",
    metadata,
    Column("subject", Words, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
)
"""Whom and what each entry of the audit log is about, to be found by."""
erasures = Table(
    "erasures",
    metadata,
    Column("id", Words, primary_key=True),
    Column("by", Words, nullable=False),
    Column("begun", Moment, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("before", "erased", "held")),
    Column("done", Moment),
)
happenings = Table(
    "happenings",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    *(Column(name, Words, nullable=False) for name in ("kind", "subject", "person", "by", "severity")),
    *(Column(name, Text, nullable=False) for name in ("to", "details")),
    Index("happenings_by_time", "at"),
)
"""Whoever adds to it holds a lock until the end of the transaction."""
at_rest_keys = Table(
    "at_rest_keys",
    metadata,
    Column("key", Words, primary_key=True),
    Column("since", Moment, nullable=False),
    Column("done", Moment),
)
"""By which keys columns were encrypted; `done` once nothing is left that an older one did."""
