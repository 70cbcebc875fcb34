"""Lines of text as columns: syslog, key=value, CEF and LEEF, by linear-time patterns over whole batches."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ingest.decode import Decoded, Decoder, Layout, as_json, texts_series

_STAMP = r"[A-Z][a-z]{2}\s+\d{1,2}\s(?:\d{4}\s)?\d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*"
_BSD = (
    rf"(?s)^(?:<(?P<priority>\d{{1,3}})>)?(?P<timestamp>{_STAMP})\s+(?P<host>\S+)\s+"
    r"(?:(?P<program>[^\s\[\]:]+)(?:\[(?P<pid>\d+)\])?:\s?)?(?P<message>.*)$"
)
_IETF = (
    r"(?s)^(?:<(?P<priority>\d{1,3})>)?1 (?P<timestamp>\S+) (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) (?P<msgid>\S+) "
    r'(?P<structured>-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*")*\])+)(?: (?:\x{FEFF})?(?P<message>.*))?$'
)
_SYSLOG = ("priority", "timestamp", "host", "program", "pid", "msgid", "structured", "message")
_PAIR = r'[\w.\[\]-]+=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)'
_HEAD = rf"^(?:<\d{{1,3}}>)?(?:1 )?(?P<timestamp>{_STAMP})\s+(?P<host>\S+)"
_CELL = r"((?:[^|\\]|\\.)*)"
_CEF = rf"(?s)CEF:\s*(\d+)\|{_CELL}\|{_CELL}\|{_CELL}\|{_CELL}\|{_CELL}\|{_CELL}\|(.*)$"
_CEF_NAMES = ("version", "vendor", "product", "product_version", "class", "name", "severity")
_LEEF = r"(?s)LEEF:\s*(?:(1)(?:\.\d+)?|(2)(?:\.\d+)?)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)$"
_LEEF_NAMES = ("vendor", "product", "product_version", "event")
_LEEF_DELIMITER = r"^(?:(?:0?[xX]([0-9a-fA-F]{2,4}))|([^|]?))\|"
_NEXT, _IS, _SLASH = "\x1e", "\x1f", "\x1d"


def syslog_decoder(_: Layout) -> Decoder:
    """RFC 5424 where it fits, else RFC 3164; `-` is nothing."""

    def decode(texts: Sequence[bytes]) -> Decoded:
        lines = pl.DataFrame({"line": texts_series(texts)})
        groups = lines.select(
            ietf=pl.col("line").str.extract_groups(_IETF), bsd=pl.col("line").str.extract_groups(_BSD)
        )
        both = {name for name in _SYSLOG if f"<{name}>" in _BSD}
        frame = groups.select(
            pl.coalesce(
                pl.col("ietf").struct.field(name),
                pl.col("bsd").struct.field(name) if name in both else pl.lit(None, pl.String),
            )
            .replace({"-": None, "": None})
            .alias(name)
            for name in _SYSLOG
        )
        bad = _rows(frame["timestamp"].is_null(), "is not a syslog line")
        return Decoded(frame=frame, bad=bad, vendor=as_json(frame))

    return decode


def keyvalue_decoder(layout: Layout) -> Decoder:
    """Pairs `key=value` or `key="a value"`; what stands before the first is `head`."""

    def decode(texts: Sequence[bytes]) -> Decoded:
        lines = pl.DataFrame({"line": texts_series(texts)})
        line = pl.col("line")
        found = lines.select(
            pairs=line.str.extract_all(_PAIR),
            head=line.str.extract(rf"(?s)^(.*?)(?:^|\s){_PAIR}").str.strip_chars().replace({"": None}),
        )
        quoted = pl.col("value").str.extract(r'(?s)^"(.*)"$').str.replace_all(r'\\(["\\])', "$1")
        pairs = (
            _exploded(found["pairs"])
            .select("row", pl.col("pair").str.split_exact("=", 0), rest=pl.col("pair"))
            .select("row", key=pl.col("pair").struct[0], rest=pl.col("rest"))
            .with_columns(value=pl.col("rest").str.slice(pl.col("key").str.len_chars() + 1))
            .with_columns(value=pl.coalesce(quoted, pl.col("value")))
        )
        bad = _rows(found["pairs"].list.len() == 0, "has no key=value pair")
        return _decoded(found.select("head"), pairs, layout, bad)

    return decode


def cef_decoder(layout: Layout) -> Decoder:
    """Common Event Format; header cells and extension values are unescaped."""

    def decode(texts: Sequence[bytes]) -> Decoded:
        lines = pl.DataFrame({"line": texts_series(texts)})
        groups = lines.select(pl.col("line").str.extract_groups(_CEF).alias("cef"))
        cells = [
            groups["cef"]
            .struct.field(str(number))
            .str.replace_all(r"\\([|\\])", "$1")
            .replace({"": None})
            .alias(f"cef.{name}")
            for number, name in enumerate(_CEF_NAMES, start=1)
        ]
        extension = groups["cef"].struct.field(str(len(_CEF_NAMES) + 1))
        marked = extension.str.replace_all(r"\\\\", _SLASH).str.replace_all(
            r"(?:^|\s)([\w.\[\]-]+)=", f"{_NEXT}${{1}}{_IS}"
        )
        unescaped = (
            pl.col("value")
            .str.strip_chars_end()
            .str.replace_all(r"\=", "=", literal=True)
            .str.replace_all(r"\\[nr]", "\n")
            .str.replace_all(_SLASH, "\\", literal=True)
        )
        pairs = _split_pairs(marked.str.split(_NEXT), _IS).with_columns(value=unescaped)
        bad = _rows(extension.is_null(), "is not a CEF line")
        return _decoded(pl.DataFrame([*_head(lines), *cells]), pairs, layout, bad)

    return decode


def leef_decoder(layout: Layout) -> Decoder:
    """Log Event Extended Format 1.0 (tabs) and 2.0 (names its delimiter)."""

    def decode(texts: Sequence[bytes]) -> Decoded:
        lines = pl.DataFrame({"line": texts_series(texts)})
        found = lines.select(pl.col("line").str.extract_groups(_LEEF).alias("leef"))["leef"].struct
        version = pl.select(pl.coalesce(found.field("1"), found.field("2")).alias("leef.version")).to_series()
        cells = [
            found.field(str(number)).replace({"": None}).alias(f"leef.{name}")
            for number, name in enumerate(_LEEF_NAMES, start=3)
        ]
        rest = pl.DataFrame({"second": found.field("2").is_not_null(), "rest": found.field("7")})
        groups = pl.col("rest").str.extract_groups(_LEEF_DELIMITER)
        code = groups.struct[0].str.to_integer(base=16, strict=False)
        named = rest.select(
            delimiter=pl.when(code.is_not_null())
            .then(code.map_elements(chr, return_dtype=pl.String))
            .otherwise(groups.struct[1]),
            after=pl.col("rest").str.replace(_LEEF_DELIMITER, ""),
            second=pl.col("second"),
            rest=pl.col("rest"),
        )
        tab = pl.lit("\t")
        is_named = pl.col("second") & pl.col("delimiter").is_not_null()
        attributes = named.select(
            pl.when(is_named)
            .then(pl.col("after"))
            .otherwise(pl.col("rest"))
            .str.split(pl.when(is_named & (pl.col("delimiter") != "")).then(pl.col("delimiter")).otherwise(tab))
        ).to_series()
        pairs = _split_pairs(attributes, "=").with_columns(pl.col("key").str.strip_chars())
        bad = _rows(version.is_null(), "is not a LEEF line")
        return _decoded(pl.DataFrame([*_head(lines), version, *cells]), pairs, layout, bad)

    return decode


def _head(lines: pl.DataFrame) -> list[pl.Series]:
    """Time stamp and host of the syslog head before a CEF or LEEF record."""
    groups = lines["line"].str.extract_groups(_HEAD).struct
    return [groups.field(name).alias(name) for name in ("timestamp", "host")]


def _exploded(lists: pl.Series) -> pl.DataFrame:
    """One row per element with the number of the list it was in; in order."""
    frame = pl.DataFrame({"pair": lists}).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    return frame.explode("pair").filter(pl.col("pair").is_not_null())


def _split_pairs(lists: pl.Series, mark: str) -> pl.DataFrame:
    """Columns row, key and value of the elements that hold the mark."""
    parts = pl.col("pair").str.splitn(mark, 2)
    pairs = _exploded(lists).select("row", key=parts.struct[0], value=parts.struct[1])
    return pairs.filter(pl.col("value").is_not_null() & (pl.col("key") != ""))


def _decoded(fixed: pl.DataFrame, pairs: pl.DataFrame, layout: Layout, bad: dict[int, str]) -> Decoded:
    """Fixed columns, one column for each key asked for, and all of them as the vendor's record."""
    height = fixed.height
    first = pairs.unique(["row", "key"], keep="first", maintain_order=True)
    columns = [
        _column(first.filter(pl.col("key") == name), height).alias(name)
        for name in sorted(layout.columns - set(fixed.columns))
    ]
    frame = pl.DataFrame([*fixed.get_columns(), *columns])
    return Decoded(frame=frame, bad=bad, vendor=_record(fixed, first))


def _column(pairs: pl.DataFrame, height: int) -> pl.Series:
    rows = pl.DataFrame({"row": pl.int_range(height, dtype=pl.Int64, eager=True)})
    return rows.join(pairs.select("row", "value"), on="row", how="left", maintain_order="left")["value"]


def _record(fixed: pl.DataFrame, pairs: pl.DataFrame) -> pl.Series:
    """JSON of the fixed columns and all pairs of each row."""
    texts = pairs.select(
        "row",
        pl.concat_str(_quoted("key"), pl.lit(":"), _quoted("value")).alias("json"),
    )
    joined = texts.group_by("row", maintain_order=True).agg(pl.col("json").str.join(",").alias("value"))
    both = pl.DataFrame({"fixed": as_json(fixed), "pairs": _column(joined, fixed.height)})
    inner = pl.col("fixed").str.slice(1).str.strip_suffix("}").replace({"": None})
    return both.select(
        pl.concat_str(pl.lit("{"), pl.concat_str(inner, pl.col("pairs"), separator=",", ignore_nulls=True), pl.lit("}"))
    ).to_series()


def _quoted(name: str) -> pl.Expr:
    """A text as JSON text, quotes included."""
    return pl.struct(pl.col(name).alias("x")).struct.json_encode().str.slice(5).str.strip_suffix("}")


def _rows(mask: pl.Series, reason: str) -> dict[int, str]:
    return dict.fromkeys(mask.arg_true().to_list(), reason)
