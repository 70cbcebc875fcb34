"""What of an event is proved: its leaf's content, made from columns, the same whenever it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl
from polars_hash import CryptographicHashingNameSpace

from core.proof import SALT_BYTES
from core.schema import SCHEMA, TIME
from core.tiles import DIGESTS

LEFT_OUT = frozenset({"rule.matched"})
"""Caches: tags change with the rules, the event does not."""
NAMES = tuple(sorted(SCHEMA.keys() - LEFT_OUT))
UNTIMED = -(2**63)
"""Stands for the time of what has none."""
ACCOUNT_BYTES = 8
_ROW, _LACKING = "", "?"
"""Columns beside those of events, whose names are longer."""
STAMP = "%Y-%m-%dT%H:%M:%S%.6fZ"


def contents(events: pl.DataFrame) -> pl.Series:
    """Of each event the JSON of its columns that are not null: names sorted, no spaces, times in UTC to the
    microsecond. These are the bytes that `core.proof.canonical` makes of the same values."""
    nulls = events.select(NAMES).null_count().row(0, named=True)
    always = [name for name in NAMES if not nulls[name]]
    partly = [name for name in NAMES if 0 < nulls[name] < events.height]
    times = [pl.col(name).dt.strftime(STAMP) for name in (*always, *partly) if SCHEMA[name] == TIME]
    rows = events.select(*always, *partly).with_columns(times)
    # Rows that lack the same columns are written together, as structs without those.
    lacking = pl.concat_str(pl.col(partly).is_null().cast(pl.UInt8)) if partly else pl.lit("")
    alike = rows.with_row_index(_ROW).with_columns(lacking.alias(_LACKING)).partition_by(_LACKING)
    written = [_written(some, always, partly) for some in alike]
    return pl.concat(written).sort(_ROW)["content"] if written else pl.Series("content", [], pl.String)


def _written(rows: pl.DataFrame, always: Sequence[str], partly: Sequence[str]) -> pl.DataFrame:
    """The content of rows that lack the same columns."""
    names = sorted([*always, *(name for name in partly if rows[name].null_count() == 0)])
    content = pl.struct(names).struct.json_encode() if names else pl.lit("{}")
    return rows.select(_ROW, content.alias("content"))


def leaf_hashes(contents: pl.Series, salts: bytes, algorithm: str = "sha256") -> list[bytes]:
    """The hash of each leaf: of a NUL and the leaf's data (see `core.proof.leaf_of`); salts one after the other."""
    text, width = salts.hex(), 2 * SALT_BYTES
    each = pl.Series([text[at : at + width] for at in range(0, len(text), width)], dtype=pl.String)
    line = pl.concat_str(pl.lit('\0{"content":'), contents, pl.lit(',"salt":"'), each, pl.lit('"}'))
    if algorithm == "sha256":
        digests = pl.select(CryptographicHashingNameSpace(line).sha2_256().str.decode("hex"))
        return digests.to_series().to_list()
    return [*map(DIGESTS[algorithm], pl.select(line.cast(pl.Binary)).to_series())]


def salts(seed: bytes, count: int) -> bytes:
    """The salts of a batch's leaves, one after the other."""
    return hashlib.shake_256(seed).digest(SALT_BYTES * count)


def account_digest(account: str, seed: bytes) -> bytes:
    """By this it is found which leaves of a batch were of an account, without the account being written there."""
    return hashlib.blake2b(account.encode(), key=seed, digest_size=ACCOUNT_BYTES).digest()
