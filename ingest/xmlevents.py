"""Windows events as XML: cut from the stream by their tags, read by linear-time patterns. Nothing is ever expanded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape

import polars as pl

from ingest.decode import Decoded, Decoder, Layout, as_json, texts_series
from ingest.reading import Limits, Stream
from ingest.splitting import Bad, Item, pieces

_BLOCK = 256 * 1024
_START, _END = re.compile(rb"<Event[\s>]"), b"</Event>"
_HARMLESS = re.compile(rb"(?:\s|\xef\xbb\xbf|<\?xml[^<>]*\?>|</?Events[^<>]*>)*")
_FORBIDDEN = r"<!(?:DOCTYPE|ENTITY)"


def split_xml(stream: Stream, limits: Limits) -> Iterator[Item]:
    """`<Event>` elements. What stands between them and is no XML head is a bad record, as is one never closed."""
    rest = b""
    while block := stream.read(_BLOCK):
        rest += block
        items, rest = _cut(rest)
        yield from items
        longer, rest = pieces(rest, limits.max_record_bytes, 1)
        yield from longer
    if not _HARMLESS.fullmatch(rest):
        yield Bad(rest, "is not a whole event")


def _cut(data: bytes) -> tuple[list[Item], bytes]:
    """The events that are whole, and what is left to go on with."""
    items: list[Item] = []
    at = 0
    while start := _START.search(data, at):
        end = data.find(_END, start.end())
        if end < 0:
            break
        following = _START.search(data, start.end(), end)
        stop = following.start() if following else end + len(_END)
        between, event = data[at : start.start()], data[start.start() : stop]
        if not _HARMLESS.fullmatch(between):
            items.append(Bad(between, "stands outside of any event"))
        items.append(Bad(event, "is not a whole event") if following else event)
        at = stop
    return items, data[at:]


def xml_decoder(layout: Layout) -> Decoder:
    """Columns by name: `<Data Name="X">`, and the children of `<System>`; TimeCreated is its SystemTime. A record with
    a document type or an entity of its own is refused."""
    columns = sorted(layout.columns)

    def decode(texts: Sequence[bytes]) -> Decoded:
        lines = pl.DataFrame({"xml": texts_series(texts)})
        xml = pl.col("xml")
        forbidden = lines.select(xml.str.contains(_FORBIDDEN).alias("x"))["x"]
        frame = lines.select(
            pl.when(~xml.str.contains(_FORBIDDEN)).then(_value(xml, name)).replace("", None).alias(name)
            for name in columns
        )
        bad = {row: "declares a document type or an entity" for row, hit in enumerate(forbidden) if hit}
        frame = frame.with_columns(_unescaped(column) for column in frame)
        return Decoded(frame=frame, bad=bad, vendor=as_json(frame))

    return decode


def _value(xml: pl.Expr, name: str) -> pl.Expr:
    if name == "TimeCreated":
        return xml.str.extract(r"""<TimeCreated\s[^<>]*SystemTime=["']([^"']*)["']""")
    word = re.escape(name)
    data = xml.str.extract(rf"""<Data\s+Name=["']{word}["']\s*>([^<]*)</Data>""")
    return pl.coalesce(data, xml.str.extract(rf"<{word}(?:\s[^<>]*)?>([^<]*)</{word}>"))


def _unescaped(column: pl.Series) -> pl.Series:
    """References such as `&amp;` and `&#229;` as the characters they stand for; other values are not touched."""
    marked = column.str.contains("&", literal=True).fill_null(False)
    if not marked.any():
        return column
    values = [unescape(value) if value and "&" in value else value for value in column]
    return pl.Series(column.name, values, dtype=pl.String)
