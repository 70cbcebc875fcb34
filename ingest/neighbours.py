"""What rows of one machine's log tell of each other: which deletion a 4660 confirms, and which writes are renames.

Rows carry `event.sequence`, in order. Near is a number of records. Every answer here depends on rows at most three
times as far away, so that the batch a row stands in does not show.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ingest.context import SEQUENCE
from ingest.times import read_times

_AT_ONCE_MS = 2000
"""A rename's two steps are no further apart where they have no handle in common."""


def near(one: pl.DataFrame, other: pl.DataFrame, records: int, keys: Sequence[str]) -> pl.DataFrame:
    """The rows of `one` near which a row of `other` with equal keys stands (nulls equal nothing); of that row the
    columns come as `near <name>`."""
    renamed = {name: f"near {name}" for name in other.columns if name not in keys}
    return (
        one.drop_nulls(keys)
        .join_asof(
            other.drop_nulls(keys).rename(renamed).with_columns(pl.col(f"near {SEQUENCE}").alias(SEQUENCE)),
            on=SEQUENCE,
            by=list(keys),
            strategy="nearest",
            tolerance=records,
            check_sortedness=False,
        )
        .filter(pl.col(f"near {SEQUENCE}").is_not_null())
    )


def confirmations(opened: pl.DataFrame, deletes: pl.DataFrame, closed: pl.DataFrame, records: int) -> pl.DataFrame:
    """Pairs of a 4663 DELETE and the 4660 that confirms it, as `delete` and `closed` (numbers of records).

    Handles are used again, so a 4660 belongs to the DELETE just before it by its handle, with no 4660 and no 4656
    (`opened`) between them. Logs that were put out of order are borne: else to the one just after, if that has none.
    """
    kinds = [(opened, "opened"), (deletes, "delete"), (closed, "closed")]
    rows = pl.concat(rows.select(SEQUENCE, "handle", kind=pl.lit(kind)) for rows, kind in kinds)
    rows = rows.drop_nulls().sort(SEQUENCE)

    def beside(by: int, kind: str) -> pl.Expr:
        """The number of the row `by` further on of the same handle, where it is of this kind and near."""
        number = pl.col(SEQUENCE).shift(-by).over("handle")
        fits = (pl.col("kind").shift(-by).over("handle") == kind) & (
            (number - pl.col(SEQUENCE)).abs() <= records * abs(by)
        )
        return pl.when(fits).then(number)

    found = rows.with_columns(before=beside(-1, "delete"), after=beside(1, "delete"), taken=beside(2, "closed")).filter(
        pl.col("kind") == "closed"
    )
    free = pl.when(pl.col("taken").is_null()).then("after")
    return found.select(pl.coalesce("before", free).alias("delete"), closed=SEQUENCE).drop_nulls()


def renames(deletes: pl.DataFrame, writes: pl.DataFrame, records: int) -> tuple[pl.Series, pl.Series]:
    """Numbers of the DELETEs on a file that are renames, and of the writes on their folders that belong to them.

    The two have the handle in common, or the logon and the process within two seconds.
    """
    folders = writes.with_columns(folder="place")
    old = _either_way(deletes, folders, records)
    return old, _either_way(folders, deletes.filter(pl.col(SEQUENCE).is_in(old.implode())), records)


def _either_way(one: pl.DataFrame, other: pl.DataFrame, records: int) -> pl.Series:
    by_handle = near(one, other, records, ["handle", "folder"])
    by_logon = near(one, other, records, ["logon", "folder"])
    apart = (_moments(by_logon["moment"]) - _moments(by_logon["near moment"])).abs()
    soon = by_logon.filter(apart.dt.total_milliseconds() <= _AT_ONCE_MS)
    return pl.concat([by_handle[SEQUENCE], soon[SEQUENCE]]).unique()


def _moments(texts: pl.Series) -> pl.Series:
    return read_times(texts, ["iso"], "UTC", texts.clear(len(texts)))
