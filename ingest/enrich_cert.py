"""How much a mail of the CERT data carried: its own size and those of the files attached."""

from __future__ import annotations

import polars as pl

from ingest.transforms import whole_number

_SIZES = r"\([0-9]{1,12}\)(?:;|$)"
_MOST = 2**53


def enrich(frame: pl.DataFrame, _: int) -> pl.DataFrame:
    """Column `bytes`: `size` and what stands in parentheses behind each of `attachments`; `size` as it is where that is
    no number or nothing is attached."""
    missing = [pl.lit(None, pl.String).alias(name) for name in ("size", "attachments") if name not in frame.columns]
    size = whole_number(pl.col("size"))
    each = pl.col("attachments").str.extract_all(_SIZES)
    attached = each.list.eval(pl.element().str.strip_chars("();").cast(pl.Int64)).list.sum()
    whole = pl.when(size.is_between(0, _MOST) & (attached > 0)).then((size + attached).cast(pl.String))
    return frame.with_columns(missing).with_columns(pl.coalesce(whole, "size").alias("bytes"))
