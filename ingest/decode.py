"""What a decoder is, and the table of formats: name -> how records are cut and how they become columns of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ingest.reading import Limits, Stream
from ingest.splitting import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a source says of a file: `columns` its mapping reads, and the options of its entry of `formats`.

    `context` is the header of the file where a record is read alone (a replay from quarantine).
    """

    columns: frozenset[str]
    file: str = ""
    required: Sequence[str] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ","
    inside: Sequence[str] = ()
    record: str | None = None
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Columns of text, one row per record; rows in `bad` and `ignored` (by number, with reason) are null.

    `vendor` is the record as JSON where the record itself is not, `original` its text where the record is binary,
    `context` what is needed to read a record alone.
    """

    frame: pl.DataFrame
    bad: Mapping[int, str] = field(default_factory=dict)
    ignored: Mapping[int, str] = field(default_factory=dict)
    vendor: pl.Series | None = None
    original: Sequence[str] | None = None
    context: str = ""


Decoder = Callable[[Sequence[bytes]], Decoded]


@dataclass(frozen=True, slots=True)
class Format:
    """`split` cuts a stream into records in bounded memory; `decoder` is called once per file.

    Records of a format that is not `binary` reach the decoder as UTF-8 without NUL. `utf8_first` says by the head of
    a file whether it can be cut only as UTF-8; else records are cut as they are and made UTF-8 one by one.
    """

    split: Callable[[Stream, Limits], Iterator[Item]]
    decoder: Callable[[Layout], Decoder]
    binary: bool = False
    utf8_first: Callable[[bytes], bool] = lambda _: False


def whole_json(frame: pl.DataFrame) -> pl.Series:
    """Each row as a JSON object of all its columns, null for what is empty."""
    if not frame.width:
        return pl.Series(["{}"] * frame.height, dtype=pl.String)
    return frame.select(pl.struct(pl.all()).struct.json_encode().alias("json")).to_series()


def as_json(frame: pl.DataFrame) -> pl.Series:
    """Each row as a JSON object of its columns that are not null. The same row gives the same text in any frame."""
    # A key with null; inside a text the quotes around it would be escaped, so only whole pairs match.
    return whole_json(frame).str.replace_all(r'"(?:[^"\\]|\\.)*":null,?', "").str.replace(r",\}$", "}")


def texts_series(texts: Sequence[bytes]) -> pl.Series:
    """UTF-8 records as a column of text."""
    return pl.Series(texts, dtype=pl.Binary).cast(pl.String)


def nothing(height: int, columns: Sequence[str]) -> pl.DataFrame:
    """A frame of nulls."""
    empty = pl.repeat(None, height, dtype=pl.String, eager=True)
    return pl.DataFrame([empty.alias(name) for name in columns])


def placed(frame: pl.DataFrame, rows: Sequence[int], height: int) -> pl.DataFrame:
    """Rows put at their numbers among `height` rows; the others are null."""
    if rows == range(height) or list(rows) == list(range(height)):
        return frame
    if not frame.width:
        return nothing(height, ["\0none"])
    at = np.full(height, -1)
    at[list(rows)] = np.arange(len(rows))
    places = pl.Series("at", at).replace(-1, None)
    return frame.select(pl.all().gather(places)) if frame.height else nothing(height, frame.columns)
