"""Small binary event logs for tests: one chunk, plain binary XML, no templates."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

CHUNK, CHUNK_HEAD = 65_536, 512
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
Tree = tuple[str, Mapping[str, str], "str | Sequence[Tree]"]


def log(events: Sequence[Mapping[str, str]], *, damage: int | None = None) -> bytes:
    """A log of security events; `System` names go there, others become `Data`. `damage` breaks that record."""
    records = b""
    for number, event in enumerate(events, start=1):
        record = _record(number, event, CHUNK_HEAD + len(records))
        if number == damage:
            record = record[:28] + b"\xee" * 8 + record[36:]
        records += record
    count = len(events)
    chunk = b"ElfChnk\0" + struct.pack("<QQQQIII", 1, count, 1, count, 128, 0, CHUNK_HEAD + len(records))
    chunk += struct.pack("<I", zlib.crc32(records)) + bytes(64) + struct.pack("<I", 0)
    tables = bytes(CHUNK_HEAD - 128)
    chunk += struct.pack("<I", zlib.crc32(chunk[:120] + tables)) + tables + records
    head = b"ElfFile\0" + struct.pack("<QQQIHHHH", 0, 0, count + 1, 128, 1, 3, 4096, 1) + bytes(76)
    head += struct.pack("<I", 0)
    head += struct.pack("<I", zlib.crc32(head[:120]))
    return head.ljust(4096, b"\0") + chunk.ljust(CHUNK, b"\0")


def _record(number: int, event: Mapping[str, str], at: int) -> bytes:
    system = ("EventID", "Computer", "Channel", "Task")
    children: list[Tree] = [(name, {}, event[name]) for name in system if name in event]
    children.append(("TimeCreated", {"SystemTime": event["TimeCreated"]}, ""))
    data: list[Tree] = [
        ("Data", {"Name": name}, value) for name, value in event.items() if name not in (*system, "TimeCreated")
    ]
    tree: Tree = ("Event", {}, [("System", {}, children), ("EventData", {}, data)])
    body = b"\x0f\x01\x01\x00"
    body += _element(tree, at + 24 + len(body)) + b"\x00"
    size = 24 + len(body) + 4
    written = int((datetime.fromisoformat(event["TimeCreated"]) - EPOCH).total_seconds() * 10_000_000)
    return struct.pack("<IIQQ", 0x2A2A, size, number, written) + body + struct.pack("<I", size)


def _element(tree: Tree, at: int) -> bytes:
    name, attributes, inside = tree
    start = at + 9
    named = _name(name)
    listed = b""
    if attributes:
        place = start + len(named) + 4
        for place_of, (key, value) in enumerate(attributes.items()):
            token = b"\x46" if place_of < len(attributes) - 1 else b"\x06"
            piece = token + struct.pack("<I", place + len(listed) + 5) + _name(key) + _text(value)
            listed += piece
        listed = struct.pack("<I", len(listed)) + listed
    body = named + listed + b"\x02"
    if isinstance(inside, str):
        body += _text(inside) if inside else b""
    else:
        for child in inside:
            body += _element(child, start + len(body))
    body += b"\x04"
    token = b"\x41" if attributes else b"\x01"
    return token + struct.pack("<II", len(body) + 4, start) + body


def _name(name: str) -> bytes:
    return struct.pack("<IHH", 0, 0, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _text(value: str) -> bytes:
    return b"\x05\x01" + struct.pack("<H", len(value)) + value.encode("utf-16-le")
