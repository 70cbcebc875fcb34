"""What a Windows event means only beside its neighbours: renames, deletions confirmed, and access masks in words."""

from __future__ import annotations

import polars as pl

SEQUENCE = "event.sequence"
DELETE, DELETE_CHILD, WRITE_DAC, WRITE_OWNER = 0x10000, 0x40, 0x40000, 0x80000
READ, WRITE, APPEND, WRITE_ATTRIBUTES = 0x1, 0x2, 0x4, 0x100
WORDS = {
    "%%1537": DELETE,
    "%%1539": WRITE_DAC,
    "%%1540": WRITE_OWNER,
    "%%4416": READ,
    "%%4417": WRITE,
    "%%4418": APPEND,
}
"""How AccessList names the bits of AccessMask."""
NOT_SAID = ["-", "", "0x0"]


def enrich(frame: pl.DataFrame, around: int) -> pl.DataFrame:
    """Columns `path`, `operation` (delete, rename, permission_change, modify, view, other) and a plain `EventID`.

    A rename is a DELETE on a file and a write on its folder by one handle that deletes nothing. A deletion counts once:
    by the 4663 that used the right, or by the 4660 alone where no such 4663 is near. Near is `around` records.
    """
    if not frame.height:
        return frame
    rows = frame.with_columns(
        EventID=pl.coalesce(_number(pl.col("EventID")), "event_id"),
        TimeCreated=_system_time(pl.col("TimeCreated")),
        mask=_mask(),
        path=_path(),
        handle=pl.concat_str(pl.coalesce("Computer", "computer_name"), "ProcessId", "HandleId", separator="|"),
    ).with_columns(pl.when(~pl.col("HandleId").is_in(NOT_SAID)).then(pl.col("handle")).alias("handle"))
    rows = rows.with_columns(folder=pl.col("path").str.extract(r"^(.*)\\[^\\]+$"))
    used = pl.col("EventID") == "4663"
    keys = [SEQUENCE, "handle", "path", "folder"]
    deletes = rows.filter(used & _has(DELETE)).select(keys)
    writes = rows.filter(used & _has(WRITE)).select(keys)
    confirmed = rows.filter(pl.col("EventID") == "4660").select(SEQUENCE, "handle")
    gone = _near(deletes, confirmed, around, on=["handle"])
    renamed = deletes.filter(~pl.col(SEQUENCE).is_in(gone.implode()))
    moves = _pairs(renamed, writes.select(SEQUENCE, "handle", folder="path"), around, ["handle", "folder"])
    named = rows.filter(pl.col("EventID").is_in(["4663", "4656"]) & pl.col("path").is_not_null())
    borrowed = confirmed.join_asof(
        named.select(SEQUENCE, "handle", seen=SEQUENCE, borrowed="path"),
        on=SEQUENCE,
        by="handle",
        tolerance=around,
        check_sortedness=False,
    )
    rows = rows.join(borrowed.select(SEQUENCE, "borrowed"), on=SEQUENCE, how="left", maintain_order="left")
    counted = _near(confirmed, deletes, around, on=["handle"])
    at = pl.col(SEQUENCE)
    operation = (
        pl.when(at.is_in(moves["event.sequence"].implode()))
        .then(pl.lit("rename"))
        .when(at.is_in(moves["other"].implode()))
        .then(pl.lit("other"))
        .when(pl.col("EventID") == "4660")
        .then(pl.when(at.is_in(counted.implode())).then(pl.lit("other")).otherwise(pl.lit("delete")))
        .otherwise(_meant())
    )
    return rows.with_columns(operation=operation, path=pl.coalesce("path", "borrowed")).drop(
        "mask", "handle", "folder", "borrowed"
    )


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


def _meant() -> pl.Expr:
    """The mask in a word. A share's 5145 asks for everything at once; there a right to delete beside those to read or
    write is no deletion."""
    asked_for_all = (pl.col("EventID") == "5145") & _has(READ, WRITE)
    return (
        pl.when(_has(DELETE, DELETE_CHILD) & ~asked_for_all)
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


def _pairs(one: pl.DataFrame, other: pl.DataFrame, around: int, on: list[str]) -> pl.DataFrame:
    """Pairs of like rows that stand near each other: numbers `event.sequence` and `other`."""
    joined = one.join(other.rename({SEQUENCE: "other"}), on=on)
    return joined.filter((pl.col("other") - pl.col(SEQUENCE)).abs() <= around)


def _near(one: pl.DataFrame, other: pl.DataFrame, around: int, on: list[str]) -> pl.Series:
    """The numbers of rows of `one` near which a like row of `other` stands."""
    return _pairs(one, other.select(SEQUENCE, *on), around, on)[SEQUENCE].unique()
