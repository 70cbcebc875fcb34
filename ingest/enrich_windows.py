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
    "%%4422": DELETE_CHILD,
    "%%4424": WRITE_ATTRIBUTES,
}
"""How AccessList names the bits of AccessMask."""
NOT_SAID = ["-", "", "0x0"]


def enrich(frame: pl.DataFrame, around: int) -> pl.DataFrame:
    """Columns `path`, `operation` (delete, rename, permission_change, modify, view, other) and a plain `EventID`.

    A rename is a DELETE on a file and a write on its folder by one handle that deletes nothing. A deletion counts once:
    by the 4663 that used the right, or by the 4660 alone where no such 4663 is near. Near is half of `around` records:
    the write of a rename depends on a DELETE near it, and that on a 4660 near the DELETE.
    """
    if not frame.height:
        return frame
    near = around // 2
    rows = _named(frame)
    used = pl.col("EventID") == "4663"
    deletes = rows.filter(used & _has(DELETE))
    writes = rows.filter(used & _has(WRITE)).with_columns(folder="place")
    confirmed = rows.filter(pl.col("EventID") == "4660")
    unconfirmed = deletes.filter(~_in(_near(deletes, confirmed, near, ["handle"])))
    old_names = _near(unconfirmed, writes, near, ["handle", "folder"])
    renamed = unconfirmed.filter(_in(old_names))
    folders = _near(writes, renamed, near, ["handle", "folder"])
    counted = _near(confirmed, deletes, near, ["handle"])
    operation = (
        pl.when(_in(old_names))
        .then(pl.lit("rename"))
        .when(_in(folders))
        .then(pl.lit("other"))
        .when(pl.col("EventID") == "4660")
        .then(pl.when(_in(counted)).then(pl.lit("other")).otherwise(pl.lit("delete")))
        .otherwise(_meant())
    )
    return (
        rows.join(_borrowed(rows, confirmed, near), on=SEQUENCE, how="left", maintain_order="left")
        .with_columns(operation=operation, path=pl.coalesce("path", "borrowed"))
        .drop("mask", "handle", "place", "folder", "borrowed")
    )


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    """Plain columns, the mask as a number, and what neighbours are known by: the handle, the path and its folder, the
    last two as Windows compares them (without case, a drive without its backslash)."""
    host = pl.coalesce("Computer", "computer_name", "Hostname").str.to_lowercase()
    rows = frame.with_columns(
        EventID=pl.coalesce(_number(pl.col("EventID")), "event_id"),
        TimeCreated=_system_time(pl.col("TimeCreated")),
        mask=_mask(),
        path=_path(),
        handle=pl.when(~pl.col("HandleId").is_in(NOT_SAID)).then(
            pl.concat_str(host, "ProcessId", "HandleId", separator="|")
        ),
        place=_path().str.to_lowercase().str.strip_chars_end("\\"),
    )
    return rows.with_columns(folder=pl.col("place").str.extract(r"^(.*)\\[^\\]+$"))


def _borrowed(rows: pl.DataFrame, confirmed: pl.DataFrame, near: int) -> pl.DataFrame:
    """For each 4660, which names no file, the path of the nearest earlier record of its handle that does."""
    naming = rows.filter(pl.col("EventID").is_in(["4663", "4656"]) & pl.col("path").is_not_null())
    return (
        confirmed.select(SEQUENCE, "handle")
        .drop_nulls()
        .join_asof(
            naming.select(SEQUENCE, "handle", borrowed="path").drop_nulls(),
            on=SEQUENCE,
            by="handle",
            tolerance=near,
            check_sortedness=False,
        )
        .select(SEQUENCE, "borrowed")
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
    write is no deletion. The bits mean this of files only: keys, processes and the like have their own."""
    asked_for_all = (pl.col("EventID") == "5145") & _has(READ, WRITE)
    no_file = pl.col("ObjectType").is_not_null() & ~pl.col("ObjectType").is_in(["File", "-", ""])
    return (
        pl.when(no_file)
        .then(pl.lit("other"))
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


def _near(one: pl.DataFrame, other: pl.DataFrame, near: int, keys: list[str]) -> pl.Series:
    """The numbers of rows of `one` near which a row of `other` with equal keys stands."""
    found = (
        one.select(SEQUENCE, *keys)
        .drop_nulls()
        .join_asof(
            other.select(SEQUENCE, *keys, found=SEQUENCE).drop_nulls(),
            on=SEQUENCE,
            by=keys,
            strategy="nearest",
            tolerance=near,
            check_sortedness=False,
        )
    )
    return found.filter(pl.col("found").is_not_null())[SEQUENCE]
