"""JSON records as columns of text. The fast way reads a whole batch at once; lines it trips over are read alone."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import orjson
import polars as pl

from ingest.decode import Decoded, Decoder, Layout, texts_series

_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
_BLANKS = bytes.maketrans(b"\n\r", b"  ")

_NO_KEY = "\0none"
_ESCAPED_KEY = r'\\u[0-9a-fA-F]{4}[^"\\]*(?:\\.[^"\\]*)*"\s*:'
"""A key that holds a letter written as its number."""

Tree = dict[str, "Tree | None"]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is read of each line, and the columns made of it."""

    schema: Mapping[str, pl.DataType]
    columns: Sequence[pl.Expr]


def json_decoder(layout: Layout) -> Decoder:
    return JsonDecoder(layout).decode


class JsonDecoder:
    """Reads the columns a mapping asks for; any type becomes text, nested values JSON text, other keys are left.

    A column `a.b` is the key `a.b`, else `b` in the object `a`. With `inside`, a column that is empty at the top is
    looked for in these objects, or for a place `a.*` under the keys that start with `a.`.
    """

    def __init__(self, layout: Layout) -> None:
        self._paths = {
            name: [path for prefix in ("", *(f"{place}." for place in layout.inside)) for path in _ways(prefix, name)]
            for name in sorted(layout.columns)
        }
        self._tree = _tree({path for paths in self._paths.values() for path in paths})
        self._flat = {name: pl.String() for name in self._tree}
        self._keys = {key: f'"{key}"' for key in _keys(self._tree)}
        self._met = {key for key in self._keys if '"' in key or "\\" in key or "/" in key}
        self._shapes: dict[frozenset[str], _Shape] = {}

    def decode(self, texts: Sequence[bytes]) -> Decoded:
        lines = list(texts)
        together = b"".join(lines)
        if b"\n" in together or b"\r" in together:
            lines = [text.translate(_BLANKS) for text in lines]
        bad = {
            row: "is not a JSON object"
            for row, line in enumerate(lines)
            if not line.startswith(b"{") and not line.lstrip().startswith(b"{")
        }
        for row in bad:
            lines[row] = b"{}"
        frame = self._fast(lines)
        if frame is None:
            frame = self._careful(lines, bad)
        if frame.height != len(lines):
            raise AssertionError("decoded rows and lines differ in number")
        return Decoded(frame=frame, bad=bad)

    def _fast(self, lines: Sequence[bytes]) -> pl.DataFrame | None:
        """All lines at once, or None if there is a line that cannot be read so."""
        shape = self._shape(lines)
        try:
            raw = (
                pl.read_ndjson(io.BytesIO(b"\n".join(lines)), schema=shape.schema) if lines else _no_rows(shape.schema)
            )
        except _ERRORS:
            return None
        return raw.with_columns(shape.columns).select(*self._paths) if raw.height == len(lines) else None

    def _shape(self, lines: Sequence[bytes]) -> _Shape:
        """What to read: looking for a key costs much, so only for those that occur, though written with escapes."""
        unmet = [quoted for key, quoted in self._keys.items() if key not in self._met]
        if unmet and lines:
            text = texts_series(lines)
            if text.str.contains(_ESCAPED_KEY).any():
                self._met.update(self._keys)
            elif text.str.contains_any(unmet).any():
                found = text.str.extract_many(unmet).list.explode(keep_nulls=False, empty_as_null=False).unique()
                self._met.update(quoted[1:-1] for quoted in found)
        met = frozenset(self._met)
        if met not in self._shapes:
            self._shapes[met] = self._shape_of(met)
        return self._shapes[met]

    def _shape_of(self, keys: frozenset[str]) -> _Shape:
        tree = _only(self._tree, keys) or {_NO_KEY: None}
        columns = [
            pl.coalesce(pl.lit(None, pl.String), *(_at(tree, path) for path in paths if _reaches(tree, path))).alias(
                name
            )
            for name, paths in self._paths.items()
        ]
        return _Shape(_schema(tree), columns)

    def _careful(self, lines: list[bytes], bad: dict[int, str]) -> pl.DataFrame:
        """Set the suspicious lines apart and read each alone, so that a line reads the same in whatever company."""
        suspects = {row for row, line in enumerate(lines) if self._is_suspect(line)}
        rest = self._fast([b"{}" if row in suspects else line for row, line in enumerate(lines)])
        if rest is None:
            suspects = set(range(len(lines)))
            rest = cast(pl.DataFrame, self._fast([b"{}"] * len(lines)))
        ordered = sorted(suspects)
        alone = []
        for row in ordered:
            frame = self._alone(lines[row])
            if frame is None:
                bad[row] = "is not valid JSON"
                frame = cast(pl.DataFrame, self._fast([b"{}"]))
            alone.append(frame)
        return _replaced(rest, ordered, alone)

    def _is_suspect(self, line: bytes) -> bool:
        try:
            return _misfits(orjson.loads(line), self._tree)
        except orjson.JSONDecodeError:
            return True

    def _alone(self, line: bytes) -> pl.DataFrame | None:
        frame = self._fast([line])
        if frame is not None:
            return frame
        try:
            raw = pl.read_ndjson(io.BytesIO(line), schema=self._flat)
        except _ERRORS:
            return None
        if raw.height != 1:
            return None
        return raw.select(pl.coalesce(map(_searched, paths)).alias(name) for name, paths in self._paths.items())


def _ways(prefix: str, name: str) -> list[tuple[str, ...]]:
    """The keys to follow for a column: its whole name as one key, then as a path; below `a.*` the key `a.<name>`."""
    if prefix.endswith("*."):
        return [(prefix.removesuffix("*.") + name,)]
    start = tuple(prefix.split(".")[:-1]) if prefix else ()
    ways = [(*start, name)]
    if "." in name:
        ways.append((*start, *name.split(".")))
    return ways


def _tree(paths: set[tuple[str, ...]]) -> Tree:
    """Keys to read: None for a value read as text, a tree for an object only read into."""
    tree: Tree = {}
    for path in sorted(paths, key=len):
        node = tree
        for place, key in enumerate(path[:-1], start=1):
            if path[:place] in paths:
                break  # read as text already; what is below is searched in that text
            node = cast(Tree, node.setdefault(key, {}))
        else:
            node[path[-1]] = None
    return tree


def _schema(tree: Tree) -> dict[str, pl.DataType]:
    return {key: pl.String() if below is None else pl.Struct(_schema(below)) for key, below in tree.items()}


def _keys(tree: Tree) -> set[str]:
    return set(tree).union(*(_keys(below) for below in tree.values() if below is not None))


def _only(tree: Tree, keys: Collection[str]) -> Tree:
    """The part of a tree that such keys reach."""
    kept = {key: below and _only(below, keys) for key, below in tree.items() if key in keys}
    return {key: below for key, below in kept.items() if below != {}}


def _reaches(tree: Tree, path: Sequence[str]) -> bool:
    below: Tree | None = tree
    for key in path:
        if below is None:
            return True  # read as text, which is searched
        if key not in below:
            return False
        below = below[key]
    return True


def _at(tree: Tree, path: Sequence[str]) -> pl.Expr:
    """The value at a path of a frame read by the tree; what lies inside a text is searched there."""
    column = pl.col(path[0])
    below = tree[path[0]]
    for place, key in enumerate(path[1:], start=1):
        if below is None:
            return column.str.json_path_match(_json_path(path[place:]))
        column = column.struct.field(key)
        below = below[key]
    return column


def _searched(path: Sequence[str]) -> pl.Expr:
    column = pl.col(path[0])
    return column.str.json_path_match(_json_path(path[1:])) if len(path) > 1 else column


def _json_path(keys: Sequence[str]) -> str:
    return "$" + "".join(f"['{key}']" for key in keys)


def _misfits(value: object, tree: Tree) -> bool:
    """Whether an object lacks the shape the fast way needs: something else where an object is read into."""
    if not isinstance(value, Mapping):
        return True
    return any(
        below is not None and value.get(key) is not None and _misfits(value[key], below) for key, below in tree.items()
    )


def _no_rows(schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(schema))


def _replaced(frame: pl.DataFrame, rows: Sequence[int], new: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The frame with some rows exchanged."""
    if not rows:
        return frame
    order = pl.int_range(frame.height, dtype=pl.Int64, eager=True).alias("row order")
    keep = frame.insert_column(0, order).filter(~order.is_in(pl.Series(rows, dtype=pl.Int64).implode()))
    others = pl.concat(new).insert_column(0, pl.Series("row order", rows, dtype=pl.Int64))
    return pl.concat([keep, others]).sort("row order").drop("row order")
