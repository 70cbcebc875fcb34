"""The one list of event fields: it makes the columns of a batch, the mapping of a search index and the docs page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl


class Kind(StrEnum):
    """What a field holds; the column type follows from it."""

    KEYWORD = "keyword"
    KEYWORDS = "keywords"
    TEXT = "text"
    IP = "ip"
    LONG = "long"
    DATE = "date"
    BOOLEAN = "boolean"
    RECORD = "record"


TIME = pl.Datetime("us", "UTC")
SMALLEST, LARGEST = -(2**63), 2**63 - 1
"""Of whole numbers."""
_DTYPES: dict[Kind, pl.DataType] = {
    Kind.KEYWORD: pl.String(),
    Kind.KEYWORDS: pl.List(pl.String()),
    Kind.TEXT: pl.String(),
    Kind.IP: pl.String(),
    Kind.LONG: pl.Int64(),
    Kind.DATE: TIME,
    Kind.BOOLEAN: pl.Boolean(),
    Kind.RECORD: pl.String(),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event. `ours` marks names Elastic Common Schema has no word for."""

    name: str
    kind: Kind
    meaning: str
    ours: bool = False

    @property
    def dtype(self) -> pl.DataType:
        return _DTYPES[self.kind]


FIELDS: tuple[Field, ...] = (
    Field("@timestamp", Kind.DATE, "When it happened, UTC, microseconds"),
    Field("event.id", Kind.KEYWORD, "Id made from the source and the raw record; see core/canonical.py"),
    Field("event.action", Kind.KEYWORD, "What was done; the closed vocabulary of core/actions.py"),
    Field("event.outcome", Kind.KEYWORD, "success or failure"),
    Field("event.module", Kind.KEYWORD, "The system that wrote the log: salesforce, m365, entra, windows"),
    Field("event.dataset", Kind.KEYWORD, "The stream of that system: salesforce.report, windows.security"),
    Field("event.code", Kind.KEYWORD, "The vendor's own name of the kind of event: FileDownloaded, 4663"),
    Field("event.reason", Kind.KEYWORD, "Why it ended so, in the vendor's words"),
    Field("event.sequence", Kind.LONG, "Number of the record in its file, from 0"),
    Field("event.original", Kind.TEXT, "The record as received"),
    Field("log.file.path", Kind.KEYWORD, "Name of the file the record was first read from"),
    Field("user.account", Kind.KEYWORD, "Account key realm:name; whose it is, is read when judging", True),
    Field("user.id", Kind.KEYWORD, "The account's id as logged: a SID, a CRM user id"),
    Field("user.name", Kind.KEYWORD, "The account's name as logged"),
    Field("user.domain", Kind.KEYWORD, "The account's domain as logged"),
    Field("user.email", Kind.KEYWORD, "The account's mail address as logged, lower case"),
    Field("target.user", Kind.KEYWORD, "The user acted upon: shared with, taken over by, changed", True),
    Field("source.ip", Kind.IP, "Where it came from, port stripped"),
    Field("source.geo.country_iso_code", Kind.KEYWORD, "Country it came from, as the vendor says: two capital letters"),
    Field("host.name", Kind.KEYWORD, "The machine that logged it or on which it happened, lower case"),
    Field("host.domain", Kind.KEYWORD, "The domain of which the machine is a member, as logged"),
    Field("user_agent.original", Kind.KEYWORD, "Client program as logged"),
    Field("process.executable", Kind.KEYWORD, "Program that did it"),
    Field("session.id", Kind.KEYWORD, "The vendor's session or logon id", True),
    Field("file.path", Kind.KEYWORD, "Whole path or address of the file or folder"),
    Field("file.name", Kind.KEYWORD, "Last part of the path"),
    Field("file.extension", Kind.KEYWORD, "Without the dot, lower case"),
    Field("file.size", Kind.LONG, "Bytes"),
    Field("file.hash.sha256", Kind.KEYWORD, "SHA-256 of the content, as logged, lower case"),
    Field("file.target_path", Kind.KEYWORD, "New path or name after a rename, move or copy", True),
    Field("file.target_extension", Kind.KEYWORD, "Extension of the new name, lower case", True),
    Field("url.full", Kind.KEYWORD, "Address, as logged"),
    Field("email.message_id", Kind.KEYWORD, "Message-ID header"),
    Field("email.from.address", Kind.KEYWORD, "Sender, lower case"),
    Field("email.to.address", Kind.KEYWORD, "Recipient of this one send, or where a rule forwards to; lower case"),
    Field("email.to.domain", Kind.KEYWORD, "Domain of that recipient, lower case", True),
    Field("email.subject", Kind.KEYWORD, "Subject, as logged"),
    Field("device.id", Kind.KEYWORD, "Device the data went to or that was connected"),
    Field("crm.object", Kind.KEYWORD, "CRM object or entity: Account, Contact, Lead", True),
    Field("crm.record_id", Kind.KEYWORD, "CRM record, report or document", True),
    Field("data.records", Kind.LONG, "How many records the action covered", True),
    Field("data.bytes", Kind.LONG, "How many bytes the action moved", True),
    Field("data.sensitivity", Kind.KEYWORD, "Label of the data, as the vendor says", True),
    Field("data.owner", Kind.KEYWORD, "Whose customer or file it is, as the vendor says", True),
    Field("share.scope", Kind.KEYWORD, "internal, external or anonymous", True),
    Field(
        "rule.matched",
        Kind.KEYWORDS,
        "Single-event rules that tagged it (candidates, where a rule needs joined fields)",
        True,
    ),
    Field("vendor", Kind.RECORD, "The decoded record as JSON; null where event.original is that JSON already", True),
)

JOINED: tuple[Field, ...] = (
    Field("person.id", Kind.KEYWORD, "The person behind the account then, or the account itself", True),
    Field("person.email", Kind.KEYWORD, "Mail address of the person", True),
    Field("person.department", Kind.KEYWORD, "Department of the person", True),
    Field("person.title", Kind.KEYWORD, "Title of the person", True),
    Field("person.known", Kind.BOOLEAN, "Whether the account is linked to a person", True),
    Field("leaver.stage", Kind.KEYWORD, "active, notice or departed, from what HR had filed by then", True),
    Field("leaver.days_left", Kind.LONG, "Days to the last day, negative after it, null where there is none", True),
)
"""Joined when judging, never stored: they depend on what was known at the moment judged."""

COMPARED: tuple[Field, ...] = (
    Field(
        "host.company",
        Kind.BOOLEAN,
        "Whether the machine's domain is one of the company's: at least three people had machines of it in the 30 days"
        " before the month began; null where that holds of no domain, or the log names none",
        True,
    ),
)
"""Joined when judging, never stored: they depend on what others did."""

DERIVED: tuple[Field, ...] = (
    Field("calendar.off_hours", Kind.BOOLEAN, "Outside the company's working hours, or on a day off", True),
    Field("email.to.kind", Kind.KEYWORD, "internal, personal (a public mail provider) or external", True),
)
"""Computed from the event and the configuration whenever rules are evaluated, never stored."""

NEUTRAL = frozenset(
    {
        "@timestamp",
        "event.id",
        "event.action",
        "event.outcome",
        "event.module",
        "event.dataset",
        "event.code",
        "source.geo.country_iso_code",
        "file.extension",
        "file.size",
        "file.target_extension",
        "crm.object",
        "data.records",
        "data.bytes",
        "data.sensitivity",
        "share.scope",
        "rule.matched",
    }
)
"""Stored fields that identify nobody: all that is shown of whoever is masked, and asked by. A new field is none of them
until it is put here."""
WRITTEN = frozenset({"email.subject"})
"""Stored fields with words that somebody wrote to somebody."""
RAW = frozenset({"event.original", "vendor"})
"""The record as received, which may have such words wherever the vendor puts them."""

SCHEMA: dict[str, pl.DataType] = {field.name: field.dtype for field in FIELDS}
BY_NAME: dict[str, Field] = {field.name: field for field in (*FIELDS, *JOINED, *COMPARED, *DERIVED)}


def conform(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with exactly the columns of `SCHEMA`, in order; missing ones are null. Raises on a wrong type."""
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(name).cast(dtype, strict=True) for name, dtype in SCHEMA.items())


def empty() -> pl.DataFrame:
    return pl.DataFrame(schema=SCHEMA)


def vendor_value(path: str) -> pl.Expr:
    """Text of one vendor field of stored events, `path` being the vendor's own dotted name (null where absent).

    The whole name is tried as one key first, then as a path into nested objects.
    """
    record = pl.coalesce(pl.col("vendor"), pl.col("event.original"))
    flat = record.str.json_path_match(f"$['{path}']")
    return flat if "." not in path else pl.coalesce(flat, record.str.json_path_match(f"$.{path}"))
