"""What is read of each event, and what is marked on it, before days are made of them."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from core.actions import Action
from core.calendar import CompanyCalendar
from core.domains import kind_of_domain

COLUMNS = (
    "@timestamp",
    "event.id",
    "user.account",
    "user.id",
    "user.name",
    "user.email",
    "event.action",
    "event.outcome",
    "event.module",
    "host.name",
    "source.ip",
    "session.id",
    "device.id",
    "file.path",
    "file.name",
    "file.extension",
    "file.target_extension",
    "email.to.address",
    "email.to.domain",
    "target.user",
    "share.scope",
    "url.full",
    "crm.object",
    "crm.record_id",
    "data.records",
    "data.bytes",
    "data.sensitivity",
    "data.owner",
)
CODES: dict[str, int] = {action.value: number for number, action in enumerate(Action)}
OTHER = CODES[Action.OTHER.value]
HOURS = 24
MOST = 2**40
"""What one event counts for at most, so that sums are exact whole numbers in any order."""
WEIGHTS = {
    "public": 0,
    "general": 1,
    "internal": 1,
    "confidential": 3,
    "secret": 4,
    "highly confidential": 4,
    "restricted": 4,
    "top secret": 5,
    "公开": 0,
    "内部": 1,
    "秘密": 3,
    "机密": 4,
    "绝密": 5,
}
LABELLED = 2
"""Weight of a label that says nothing to us, such as the ids of Microsoft 365."""
ARCHIVES = ("zip", "rar", "7z", "tar", "gz", "tgz", "bz2", "xz", "cab", "iso", "zst")
SITE = r"^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(?:www\.)?([^/:?#]+)"
"""Whose pages an address in lower case is of."""
RECORDS = ("001", "003", "00Q")
"""How Salesforce's ids of accounts, contacts and leads begin; it also names reports and lists so."""


def customer() -> pl.Expr:
    """The customer an event is about; null where it is about none. Needs event.module and crm.record_id."""
    record = pl.col("crm.record_id")
    theirs = pl.any_horizontal(record.str.starts_with(prefix) for prefix in RECORDS)
    return pl.when((pl.col("event.module") != "salesforce").fill_null(True) | theirs).then(record)


def marked(events: pl.DataFrame, who: pl.Series, calendar: CompanyCalendar, company: Collection[str]) -> pl.DataFrame:
    """Events with `who` (a number each; those of null are left out), `day` (days since 1970), `off`, `slot` (hour of
    the clock, on days off 24 more), `code` of the action, whole numbers and the marks that features name."""
    local = pl.col("@timestamp").dt.convert_time_zone(calendar.zone)
    rows = events.with_columns(
        who.alias("who"),
        calendar.off_hours(events["@timestamp"]).fill_null(False).alias("off hours"),
        local.dt.date().alias("date"),
        local.dt.hour().cast(pl.Int64).alias("hour"),
        pl.col("event.action").replace_strict(CODES, default=OTHER, return_dtype=pl.Int64).alias("code"),
        kind_of_domain(pl.col("email.to.domain").str.to_lowercase(), company).alias("mail"),
        _weight().alias("sensitivity"),
        *(pl.col(name).fill_null(0).clip(0, MOST) for name in ("data.records", "data.bytes")),
    ).filter(pl.col("who").is_not_null())
    working = calendar.working_days(rows["date"].unique().to_list())
    off = ~pl.col("date").is_in(pl.Series(sorted(working), dtype=pl.Date).implode())
    return rows.with_columns(
        pl.col("date").cast(pl.Int32).cast(pl.Int64).alias("day"),
        off.alias("off"),
        (pl.col("hour") + pl.when(off).then(HOURS).otherwise(0)).alias("slot"),
        *(mark.fill_null(False).alias(name) for name, mark in _marks().items()),
    )


def _weight() -> pl.Expr:
    label = pl.col("data.sensitivity").str.strip_chars().str.to_lowercase()
    known = label.replace_strict(WEIGHTS, default=LABELLED, return_dtype=pl.Int64)
    return pl.when(label.is_null() | (label == "")).then(0).otherwise(known)


def _marks() -> dict[str, pl.Expr]:
    own = pl.any_horizontal(
        (pl.col("data.owner") == pl.col(name)).fill_null(False) for name in ("user.id", "user.email", "user.name")
    )
    before, after = pl.col("file.extension"), pl.col("file.target_extension")
    return {
        "failed": pl.col("event.outcome") == "failure",
        "personal": pl.col("mail") == "personal",
        "external": pl.col("mail") == "external",
        "shared outside": pl.col("share.scope").is_in(["external", "anonymous"]),
        "shared with anybody": pl.col("share.scope") == "anonymous",
        "disguising": before != after,
        "packing": pl.coalesce(after, before).is_in(ARCHIVES),
        "labelled": pl.col("sensitivity") > 0,
        "of others": pl.col("data.owner").is_not_null() & ~own,
    }


def values() -> dict[str, pl.Expr]:
    """Of each kind, the value that an event has; null where none. Needs what `marked` gives."""
    sent = pl.col("code").is_in([CODES[name] for name in ("send", "forward_rule")])
    outside = pl.when(sent & pl.col("mail").is_in(["personal", "external"])).then(
        pl.coalesce("email.to.address", "email.to.domain").str.to_lowercase()
    )
    shared = pl.when(pl.col("shared outside") & (pl.col("code") == CODES["share"])).then(
        pl.coalesce("target.user", "share.scope")
    )
    device = pl.col("code").is_in([CODES[name] for name in ("copy_to_removable", "device_connect")])
    path = pl.coalesce("file.path", "file.name")
    page = pl.when(path.is_null() & pl.col("crm.record_id").is_null()).then(pl.col("url.full").str.to_lowercase())
    return {
        "customers": customer(),
        "files": path,
        "folders": pl.col("file.path").str.extract(r"^(.*)[\\/][^\\/]*$"),
        "objects": pl.col("crm.object"),
        "destinations": pl.coalesce(outside, shared),
        "devices": pl.when(device).then(pl.col("device.id")),
        "hosts": pl.col("host.name"),
        "addresses": pl.col("source.ip"),
        "systems": pl.col("event.module"),
        "sessions": pl.col("session.id"),
        "sites": page.str.extract(SITE),
    }


REMEMBERED = ("customers", "folders", "objects", "destinations", "devices", "hosts", "addresses", "sites")
"""Kinds of which the values are kept from day to day; of the others only how many a day has."""
