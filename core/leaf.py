"""What of an event is proved: its leaf's content, made from columns, the same whenever it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from core.proof import SALT_BYTES
from core.schema import SCHEMA, TIME

LEFT_OUT = frozenset({"rule.matched"})
"""Caches: tags change with the rules, the event does not."""
NAMES = tuple(sorted(SCHEMA.keys() - LEFT_OUT))
UNTIMED = -(2**63)
"""Stands for the time of what has none."""
ACCOUNT_BYTES = 8
STAMP = "%Y-%m-%dT%H:%M:%S%.6fZ"


def contents(events: pl.DataFrame) -> pl.Series:
    """Of each event the JSON of its columns that are not null: names sorted, no spaces, times in UTC to the
    microsecond. These are the bytes that `core.proof.canonical` makes of the same values."""
    nulls = events.select(NAMES).null_count().row(0, named=True)
    runs: list[pl.Expr] = []
    always: list[str] = []
    for name in NAMES:
        if not nulls[name]:
            always.append(name)
            continue
        if nulls[name] < events.height:
            runs += [*_members(always), pl.when(pl.col(name).is_not_null()).then(*_members([name]))]
            always = []
    runs += _members(always)
    times = [pl.col(name).dt.strftime(STAMP) for name in NAMES if SCHEMA[name] == TIME]
    whole = pl.concat_str(pl.lit("{"), pl.concat_str(runs, separator=",", ignore_nulls=True), pl.lit("}"))
    return events.lazy().with_columns(times).select(whole.alias("content")).collect().to_series()


def hashed(contents: pl.Series, salts: pl.Series) -> Sequence[bytes]:
    """What the hash of each leaf is taken of: a NUL and the leaf's data (see `core.proof.leaf_of`); salts in
    hexadecimal."""
    line = pl.concat_str(pl.lit('\0{"content":'), contents, pl.lit(',"salt":"'), salts, pl.lit('"}'))
    whole: list[bytes] = pl.select(line.cast(pl.Binary)).to_series().to_list()
    return whole


def salts(seed: bytes, count: int) -> bytes:
    """The salts of a batch's leaves, one after the other."""
    return hashlib.shake_256(seed).digest(SALT_BYTES * count)


def account_digest(account: str, seed: bytes) -> bytes:
    """By this it is found which leaves of a batch were of an account, without the account being written there."""
    return hashlib.blake2b(account.encode(), key=seed, digest_size=ACCOUNT_BYTES).digest()


def _members(names: Sequence[str]) -> list[pl.Expr]:
    """The members of a JSON object, without its braces; none for no names."""
    encoded = pl.struct(names).struct.json_encode() if names else None
    return [] if encoded is None else [encoded.str.strip_prefix("{").str.strip_suffix("}")]
