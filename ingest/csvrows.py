"""CSV records as columns of text, named by the header of the file. Rows of another width are bad one by one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from core.errors import Refused
from ingest.decode import Decoded, Decoder, Layout, placed, texts_series, whole_json
from ingest.jsonlines import JsonDecoder

_END = "\x01"
_MARK = "\0mark"
OUTER = "csv."
"""Before the names of columns that stand beside one with the record inside."""
MOST_COLUMNS = 2000
_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
_CELL_LIMIT = 2**30

csv.field_size_limit(_CELL_LIMIT)  # records are bounded when they are read; the module's own limit is 128 KiB


def csv_decoder(layout: Layout) -> Decoder:
    return CsvDecoder(layout).decode


def header_cells(line: str, delimiter: str, rename: dict[str, str]) -> list[str]:
    """Names of a header: trimmed, renamed, and told apart where two are equal or empty."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        cells = []
    names: list[str] = []
    seen: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        name = rename.get(cell.strip(), cell.strip()) or f"column {number}"
        while name in seen:
            name = f"{name} {number}"
        seen.add(name)
        names.append(name)
    return names


class CsvDecoder:
    """The first record is the header, unless the layout brings it; a header met again is ignored."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._wanted = {layout.record, *(name.removeprefix(OUTER) for name in layout.columns)}
        self._json = JsonDecoder(layout) if layout.record else None
        self._header: list[str] = []
        self._header_line = b""
        if layout.context:
            self._begin(layout.context.encode())

    def _begin(self, line: bytes) -> None:
        self._header_line = line
        self._header = header_cells(line.decode(), self._layout.delimiter, dict(self._layout.rename))
        missing = [name for name in self._layout.required if name not in self._header]
        if len(self._header) > MOST_COLUMNS:
            raise Refused(f"{self._layout.file} has more than {MOST_COLUMNS} columns")
        if missing:
            raise Refused(f"{self._layout.file} has no column {', '.join(missing)}")

    def decode(self, texts: Sequence[bytes]) -> Decoded:
        if not self._header_line and texts:
            self._begin(texts[0])
        ignored = {row: "header line" for row, text in enumerate(texts) if text == self._header_line}
        rows = [row for row in range(len(texts)) if row not in ignored]
        bad: dict[int, str] = {}
        cells = self._cells([texts[row] for row in rows], bad)
        frame, problems = placed(cells, rows, len(texts)), {rows[row]: reason for row, reason in bad.items()}
        decoded = Decoded(
            frame=frame.select(name for name in self._header if name in self._wanted),
            bad=problems,
            ignored=ignored,
            vendor=whole_json(frame),
            context=self._header_line.decode(),
        )
        return self._inner(decoded) if self._json else decoded

    def _cells(self, texts: Sequence[bytes], bad: dict[int, str]) -> pl.DataFrame:
        """One row per text; the fast way for those written by the book, cell by cell for the others."""
        if not texts:
            return pl.DataFrame(schema=dict.fromkeys(self._header, pl.String()))
        series = texts_series(texts)
        regular = series.str.contains(self._by_the_book())
        frame = None if not regular.all() else self._fast(texts)
        if frame is not None:
            wrong = frame[_MARK].ne_missing(_END)
            if not wrong.any():
                return frame.drop(_MARK)
        return self._mixed(texts, regular, bad)

    def _mixed(self, texts: Sequence[bytes], regular: pl.Series, bad: dict[int, str]) -> pl.DataFrame:
        plain = [row for row, fits in enumerate(regular) if fits]
        frame = self._fast([texts[row] for row in plain]) if plain else None
        if frame is None:
            plain, good = [], None
        else:
            fits = frame[_MARK].eq_missing(_END)
            plain = [row for row, fit in zip(plain, fits, strict=True) if fit]
            good = frame.filter(fits).drop(_MARK)
        known = set(plain)
        slow = [row for row in range(len(texts)) if row not in known]
        others = pl.DataFrame(
            [self._slow(texts[row], row, bad) for row in slow],
            schema=dict.fromkeys(self._header, pl.String()),
            orient="row",
        )
        both = pl.concat([good, others]) if good is not None else others
        return placed(both, [*plain, *slow], len(texts))

    def _by_the_book(self) -> str:
        """Cells that are quoted whole or hold no quote."""
        mark = "\\t" if self._layout.delimiter == "\t" else f"\\x{{{ord(self._layout.delimiter):x}}}"
        cell = rf'(?:"(?:[^"]|"")*"|[^"{mark}\n]*)'
        return rf"^{cell}(?:{mark}{cell})*$"

    def _fast(self, texts: Sequence[bytes]) -> pl.DataFrame | None:
        """Read at once, with a mark at the end of each row: where it is not in the last column, the width is wrong."""
        mark = self._layout.delimiter.encode()
        end = mark + _END.encode()
        # A first row of the right width, for the reader to take the shape from.
        shape = mark * (len(self._header) - 1) + end
        names = [*self._header, _MARK]
        try:
            frame = pl.read_csv(
                io.BytesIO(b"\n".join([shape, *(text + end for text in texts)])),
                has_header=False,
                schema={f"{number}": pl.String() for number in range(len(names))},
                separator=self._layout.delimiter,
                truncate_ragged_lines=True,
                infer_schema=False,
            )
        except _ERRORS:
            return None
        if frame.height != len(texts) + 1:
            return None
        frame.columns = names
        # An empty quoted cell is as empty as one that is not.
        return frame.slice(1).with_columns(pl.when(pl.all() != "").then(pl.all()).name.keep())

    def _slow(self, text: bytes, row: int, bad: dict[int, str]) -> list[str | None]:
        nulls: list[str | None] = [None] * len(self._header)
        try:
            found = list(csv.reader(io.StringIO(text.decode(), newline=""), delimiter=self._layout.delimiter))
        except csv.Error as error:
            bad[row] = f"is not CSV: {error}"
            return nulls
        if len(found) != 1 or len(found[0]) != len(self._header):
            bad[row] = f"has {sum(map(len, found))} columns, the header {len(self._header)}"
            return nulls
        return [cell or None for cell in found[0]]

    def _inner(self, outer: Decoded) -> Decoded:
        """The JSON in one column as the record; the other columns get the prefix `OUTER`."""
        column = str(self._layout.record)
        texts = outer.frame[column].fill_null("")
        assert self._json is not None  # noqa: S101 -- for the type checker
        inner = self._json.decode([text.encode() for text in texts.to_list()])
        skip = {*outer.bad, *outer.ignored}
        bad = {**outer.bad, **{row: f"{column} {reason}" for row, reason in inner.bad.items() if row not in skip}}
        others = outer.frame.drop(column).rename(lambda name: f"{OUTER}{name}")
        frame = inner.frame.drop([name for name in others.columns if name in inner.frame.columns]).hstack(others)
        return replace(outer, frame=frame, bad=bad, vendor=outer.frame[column])
