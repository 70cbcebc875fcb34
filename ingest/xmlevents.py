"""Windows events as XML: cut from the stream by their tags, checked to be well formed, read without ever expanding
anything. A record that brings a document type or an entity of its own is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from xml.etree import ElementTree
from xml.parsers import expat

import orjson
import polars as pl

from ingest.decode import Decoded, Decoder, Layout
from ingest.reading import Limits, Stream
from ingest.splitting import Bad, Item, pieces

_BLOCK = 256 * 1024
_START, _END = re.compile(rb"<Event[\s>]"), b"</Event>"
_HARMLESS = re.compile(rb"(?:\s|\xef\xbb\xbf|<\?xml[^<>]*\?>|</?Events[^<>]*>)*")
_ATTRIBUTE = re.compile(
    r"""<(TimeCreated|Provider|Security)\s(?:[^<>]*\s)?(?:SystemTime|Name|UserID)\s*=\s*["']([^"'<>]*)["']"""
)
_TELLING = {"EventID": "EventID", "Channel": "Channel", "Provider_Name": "Provider", "Computer": "Computer"}
_SYSTEM = re.compile(r"<(\w+)(?:\s[^<>]*)?>([^<]+)</")
_NAMED = re.compile(r"""<(?:Data\s+Name\s*=\s*["']([^"'<>]*)["']|(\w+))(?:\s[^<>]*)?>([^<]+)</""")


def split_xml(stream: Stream, limits: Limits) -> Iterator[Item]:
    """`<Event>` elements. What stands between them and is no XML head is a bad record, as is one never closed."""
    rest = b""
    part = 1
    while block := stream.read(_BLOCK):
        items, rest = _cut(rest + block)
        for item in items:
            yield from _bounded(item, limits.max_record_bytes)
        part = 1 if items else part
        longer, rest = pieces(rest, limits.max_record_bytes, part)
        yield from longer
        part += len(longer)
    if not _HARMLESS.fullmatch(rest):
        yield Bad(rest, "is not a whole event")


def _bounded(item: bytes | Bad, limit: int) -> Iterator[Item]:
    data, reason = (item.original, item.reason) if isinstance(item, Bad) else (item, "")
    longer, rest = pieces(data, limit, 1)
    yield from longer
    yield Bad(rest, reason or f"is longer than {limit} bytes (its end)") if reason or longer else rest


def _cut(data: bytes) -> tuple[list[bytes | Bad], bytes]:
    """The events that are whole, and what is left to go on with."""
    items: list[bytes | Bad] = []
    at = end = 0
    while start := _START.search(data, at):
        # The same end serves all starts before it, so that nothing is searched twice.
        end = end if end > start.start() else data.find(_END, start.end())
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
    """Columns by name: the children of `<System>` (of Provider its name, of TimeCreated its SystemTime, of Security its
    UserID), then the event's data by their names. `vendor` is the data as one flat object, with what tells kinds of
    events apart, by the names that Sigma's rules ask for."""
    schema = dict.fromkeys(sorted(layout.columns), pl.String())

    def decode(texts: Sequence[bytes]) -> Decoded:
        plain, bad = _plain(texts)
        rows = [_read(text) for text in plain]
        lines = b"\n".join([orjson.dumps({**data, **system}) for system, data in rows])
        return Decoded(
            frame=pl.read_ndjson(io.BytesIO(lines), schema=schema) if rows else pl.DataFrame(schema=schema),
            bad=bad,
            vendor=pl.Series([orjson.dumps(_told(*row)) for row in rows], dtype=pl.Binary).cast(pl.String),
        )

    return decode


def _told(system: Mapping[str, str], data: Mapping[str, str]) -> dict[str, str]:
    return {name: system[tag] for name, tag in _TELLING.items() if tag in system} | dict(data)


def _plain(texts: Sequence[bytes]) -> tuple[Sequence[str], Mapping[int, str]]:
    """The records as text of elements, attributes and characters only; those that are not sound are bad and empty."""
    bad = {
        row: "declares a document type or an entity"
        for row, text in enumerate(texts)
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text
    }
    plain = ["" if row in bad else text.decode() for row, text in enumerate(texts)]
    if not any(map(_is_decorated, plain)) and _is_sound("".join(plain)):
        return plain, bad
    for row, text in enumerate(plain):
        if row not in bad and not _is_sound(text):
            bad[row] = "is not well-formed XML"
        plain[row] = "" if row in bad else _without_decoration(text)
    return plain, bad


def _is_sound(text: str) -> bool:
    """Whether elements are well formed, without building anything of them. Entities of its own cannot be declared
    here, as that is possible in a document type only."""
    parser = expat.ParserCreate(encoding="utf-8")
    try:
        parser.Parse("<Events>")
        parser.Parse(text)
        parser.Parse("</Events>", True)
    except expat.ExpatError:
        return False
    return True


def _is_decorated(text: str) -> bool:
    return "<!" in text or "<?" in text


def _without_decoration(text: str) -> str:
    """The same element without comments and instructions, and with CDATA as plain characters."""
    if not _is_decorated(text):
        return text
    root = ElementTree.fromstring(text)  # noqa: S314 (it has no document type, so there is nothing to expand)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return ElementTree.tostring(root, encoding="unicode")


def _read(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """What stands in `<System>`, and the event's data. Rendered texts after the data are left out."""
    head, _, rest = text.partition("</System>")
    rest = rest.partition("<RenderingInfo")[0]
    system = dict(_SYSTEM.findall(head))
    system.update(_ATTRIBUTE.findall(head))
    data: dict[str, str] = {}
    for name, tag, value in _NAMED.findall(rest):
        data[name or (f"param{len(data) + 1}" if tag == "Data" else tag)] = value
    if "&" in text:
        system = {name: unescape(value) for name, value in system.items()}
        data = {name: unescape(value) for name, value in data.items()}
    return system, data
