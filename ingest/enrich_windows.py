"""What a Windows event means only beside its neighbours: renames, deletions confirmed, and access masks in words."""

from __future__ import annotations

import polars as pl

from ingest.context import SEQUENCE
from ingest.neighbours import confirmations, near, renames

DELETE, DELETE_CHILD, WRITE_DAC, WRITE_OWNER = 0x10000, 0x40, 0x40000, 0x80000
READ, WRITE, APPEND, WRITE_ATTRIBUTES = 0x1, 0x2, 0x4, 0x100
WORDS = {
    "%%1537": DELETE,
    "%%1539": WRITE_DAC,
    "%%1540": WRITE_OWNER,
    "%%4416": READ,
    "%%4417": WRITE,
    "%%4418": APPEND,
    "%%4422": DELETE_CHILD,
    "%%4424": WRITE_ATTRIBUTES,
}
"""How AccessList names the bits of AccessMask."""
NOT_SAID = ["-", "", "0x0"]


def enrich(frame: pl.DataFrame, around: int) -> pl.DataFrame:
    """Columns `code` (the event's number), `EventID` (the same, of the Security channel only), `path` of the file,
    `operation` (delete, rename, permission_change, create, modify, view, other) and `outcome`.

    A rename is a DELETE on a file and a write on its folder at once, where nothing confirms a deletion. A deletion
    counts once: by the 4663 that used the right, or by the 4660 alone where no such 4663 is near. Near is a third of
    `around` records: the write of a rename depends on a DELETE near it, that on a 4660, and that on another DELETE.
    """
    if not frame.height:
        return frame
    records = around // 3
    rows = _named(frame)
    used, closed = pl.col("EventID") == "4663", rows.filter(pl.col("EventID") == "4660")
    deletes, writes = rows.filter(used & _has(DELETE)), rows.filter(used & _has(WRITE, APPEND))
    pairs = confirmations(rows.filter(pl.col("EventID") == "4656"), deletes, closed, records)
    old, folders = renames(deletes.filter(~_in(pairs["delete"])), writes, records)
    asked = near(
        rows.filter((pl.col("EventID") == "5145") & _has(DELETE)), deletes.filter(_in(old)), records, ["host", "place"]
    )
    parents = near(
        writes.with_columns(folder="place"), rows.select(SEQUENCE, "host", "folder"), records, ["host", "folder"]
    )
    operation = (
        pl.when(_in(old))
        .then(pl.lit("rename"))
        .when(_in(folders) | _in(asked[SEQUENCE]) | _in(pairs["closed"]))
        .then(pl.lit("other"))
        .when(pl.col("EventID") == "4660")
        .then(pl.lit("delete"))
        .when(
            (_meant() == "modify") & (_in(parents[SEQUENCE]) | pl.col("path").str.ends_with("\\")) & _has(WRITE, APPEND)
        )
        .then(pl.lit("create"))
        .otherwise(_meant())
    )
    return (
        rows.join(_borrowed(rows, closed, records), on=SEQUENCE, how="left", maintain_order="left")
        .with_columns(operation=operation, path=pl.coalesce("path", "borrowed"))
        .drop("mask", "host", "handle", "logon", "moment", "place", "folder", "borrowed")
    )


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    """Plain columns, the mask as a number, and what neighbours are known by: the handle, the logon, the path and its
    folder, the last two as Windows compares them (without case, a drive without its backslash)."""
    host = pl.coalesce("Computer", "computer_name", "Hostname").str.to_lowercase()
    code = pl.coalesce(_number(pl.col("EventID")), "event_id", "event.code")
    channel = pl.coalesce("Channel", "channel")
    time = _system_time(pl.col("TimeCreated"))
    rows = frame.with_columns(
        code=code,
        EventID=pl.when(channel.is_null() | (channel == "Security")).then(code),
        TimeCreated=time,
        moment=pl.coalesce(time, "@timestamp", "EventTime"),
        mask=_mask(),
        outcome=_outcome(),
        path=pl.when(~_no_file()).then(_path()),
        host=host,
        handle=pl.when(~pl.col("HandleId").is_in(NOT_SAID)).then(
            pl.concat_str(host, "ProcessId", "HandleId", separator="|")
        ),
        logon=pl.when(~pl.col("SubjectLogonId").is_in(NOT_SAID)).then(
            pl.concat_str(host, "ProcessId", "SubjectLogonId", separator="|")
        ),
    )
    rows = rows.with_columns(place=pl.col("path").str.to_lowercase().str.strip_chars_end("\\"))
    return rows.with_columns(folder=pl.col("place").str.extract(r"^(.*)\\[^\\]+$"))


def _borrowed(rows: pl.DataFrame, closed: pl.DataFrame, records: int) -> pl.DataFrame:
    """For each 4660, which names no file, the path of the nearest earlier record of its handle that does."""
    naming = rows.filter(pl.col("EventID").is_in(["4663", "4656"]) & pl.col("path").is_not_null())
    return (
        closed.select(SEQUENCE, "handle")
        .drop_nulls()
        .join_asof(
            naming.select(SEQUENCE, "handle", borrowed="path").drop_nulls(),
            on=SEQUENCE,
            by="handle",
            tolerance=records,
            check_sortedness=False,
        )
        .select(SEQUENCE, "borrowed")
    )


def _outcome() -> pl.Expr:
    """An audit failure is an access that was denied. NXLog writes the keywords as a signed number."""
    denied = (
        pl.col("Keywords").str.contains(r"(?i)^0x8010|^-9218868437227405312$|audit failure")
        | pl.col("keywords").str.contains("(?i)audit failure")
        | (pl.col("EventType") == "AUDIT_FAILURE")
        | (pl.col("event.outcome") == "failure")
    )
    told = pl.any_horizontal(denied.fill_null(False))
    return pl.when(told).then(pl.lit("failure")).otherwise(pl.lit("success"))


def _number(column: pl.Expr) -> pl.Expr:
    return pl.when(column.str.starts_with("{")).then(column.str.json_path_match("$['#text']")).otherwise(column)


def _system_time(column: pl.Expr) -> pl.Expr:
    inner = column.str.extract(r'"SystemTime"\s*:\s*"([^"]*)"')
    return pl.when(column.str.starts_with("{")).then(inner).otherwise(column)


def _mask() -> pl.Expr:
    text = pl.col("AccessMask").str.to_lowercase()
    digits = text.str.extract(r"^0x([0-9a-f]{1,8})$").str.to_integer(base=16, strict=False)
    plain = text.str.extract(r"^(\d{1,10})$").cast(pl.Int64, strict=False)
    said = pl.sum_horizontal(
        pl.col("AccessList").str.contains(word, literal=True).fill_null(False).cast(pl.Int64) * bit
        for word, bit in WORDS.items()
    )
    return pl.coalesce(digits, plain, said)


def _has(*bits: int) -> pl.Expr:
    return (pl.col("mask") & sum(bits)) != 0


def _no_file() -> pl.Expr:
    """Keys, processes, tokens, named pipes and the like have rights and names of their own."""
    named = ~pl.col("ObjectType").is_in(["File", "-", ""])
    return named.fill_null(False) | pl.col("ShareName").str.ends_with("\\IPC$").fill_null(False)


def _meant() -> pl.Expr:
    """The mask in a word. A share's 5145 asks for everything at once; there a right to delete beside those to read or
    write is no deletion. What was denied was not done."""
    asked_for_all = (pl.col("EventID") == "5145") & _has(READ, WRITE)
    return (
        pl.when(_no_file() | (pl.col("outcome") == "failure"))
        .then(pl.lit("other"))
        .when(pl.col("EventID") == "4670")
        .then(pl.lit("permission_change"))
        .when(_has(DELETE, DELETE_CHILD) & ~asked_for_all)
        .then(pl.lit("delete"))
        .when(_has(WRITE_DAC, WRITE_OWNER) & ~asked_for_all)
        .then(pl.lit("permission_change"))
        .when(_has(WRITE, APPEND, WRITE_ATTRIBUTES))
        .then(pl.lit("modify"))
        .when(_has(READ))
        .then(pl.lit("view"))
        .otherwise(pl.lit("other"))
    )


def _path() -> pl.Expr:
    """The file's path; of a share its local one, so that 5145 and 4663 name a file alike."""
    root = pl.col("ShareLocalPath").str.replace(r"^\\\?\?\\", "").str.strip_chars_end("\\")
    name = pl.col("RelativeTargetName").str.strip_chars("\\")
    there = pl.when(name.is_null() | name.is_in(["", "-"])).then(root).otherwise(root + "\\" + name)
    share = pl.when(root.is_null() | (root == "")).then(pl.col("ShareName") + "\\" + name).otherwise(there)
    named = pl.when(~pl.col("ObjectName").is_in(NOT_SAID)).then(pl.col("ObjectName"))
    return pl.coalesce(named, share, pl.col("ShareName"))


def _in(numbers: pl.Series) -> pl.Expr:
    return pl.col(SEQUENCE).is_in(numbers.implode())
