"""Binary Windows event logs, through the `evtx` library. A record is kept as the JSON the library gives of it.

A log is a head of 4 KiB and chunks of 64 KiB that need nothing of each other, so it is read a few chunks at a time.
What the library cannot read is kept as its bytes in the log: a damaged record or chunk costs nothing else.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evtx import PyEvtxParser

from core.errors import Refused
from ingest.decode import Decoded, Decoder, Layout
from ingest.jsonlines import json_decoder
from ingest.reading import Limits, Stream
from ingest.splitting import Bad, Item

HEAD, CHUNK, CHUNK_HEAD = 4096, 65_536, 512
_FILE_MAGIC, _CHUNK_MAGIC, _RECORD_MAGIC = b"ElfFile\0", b"ElfChnk\0", b"\x2a\x2a\0\0"
_AT_ONCE = 32
_SMALLEST = 28
_ERRORS = (RuntimeError, OSError, ValueError, OverflowError)
INSIDE = ("Event.System", "Event.EventData", "Event.UserData")


def split_evtx(stream: Stream, limits: Limits) -> Iterator[Item]:
    """The JSON of each record, in the order of the log. Bad are records and chunks that are damaged, with their bytes;
    the reason of a record names its number."""
    head = _exactly(stream, HEAD)
    if len(head) < HEAD or not head.startswith(_FILE_MAGIC):
        raise Refused("has not the head of an event log")
    while chunks := _exactly(stream, CHUNK * _AT_ONCE):
        for item in _records([chunks[at : at + CHUNK] for at in range(0, len(chunks), CHUNK)], head):
            if isinstance(item, bytes) and len(item) > limits.max_record_bytes:
                yield Bad(item[: limits.max_record_bytes], f"is longer than {limits.max_record_bytes} bytes")
            else:
                yield item


def _records(chunks: Sequence[bytes], head: bytes) -> Iterator[bytes | Bad]:
    """The records of some chunks: of all at once, or one by one where any of them is not sound."""
    used = [chunk for chunk in chunks if chunk.strip(b"\0")]
    frames = [list(_frames(chunk)) for chunk in used]
    if not any(_left(chunk, found) for chunk, found in zip(used, frames, strict=True)):
        read = _read(used, head)
        if [number for number, _ in read.records] == [frame.number for found in frames for frame in found]:
            yield from (text for _, text in read.records)
            return
    for chunk, found in zip(used, frames, strict=True):
        yield from _with_damage(chunk, found, head)


def _with_damage(chunk: bytes, frames: Sequence[_Frame], head: bytes) -> Iterator[bytes | Bad]:
    """What can be read of a chunk, each record that cannot in its place, and what is no record at the end."""
    read = _read([chunk], head)
    texts = dict(read.records)
    for frame in frames:
        text = texts.get(frame.number)
        yield text if text is not None else Bad(frame.data, f"record {frame.number} of the event log is damaged")
    if problem := _left(chunk, frames):
        last = f"after record {frames[-1].number} " if frames else ""
        rest = chunk[frames[-1].end :] if frames else chunk
        yield Bad(rest.rstrip(b"\0"), f"a chunk of the event log is {problem} {last}({read.problem or 'not whole'})")


def _left(chunk: bytes, frames: Sequence[_Frame]) -> str:
    """What is wrong with what follows the records of a chunk; empty where they fill it up to its free space."""
    end = frames[-1].end if frames else CHUNK_HEAD
    if chunk.startswith(_CHUNK_MAGIC) and end == _used(chunk):
        return ""
    return "cut short" if len(chunk) < CHUNK else "damaged"


@dataclass(frozen=True, slots=True)
class _Frame:
    """A record as it lies in its chunk."""

    number: int
    data: bytes
    end: int


def _frames(chunk: bytes) -> Iterator[_Frame]:
    """The records of a chunk by their own heads, up to the first that is none."""
    if not chunk.startswith(_CHUNK_MAGIC):
        return
    at, end = CHUNK_HEAD, min(_used(chunk), len(chunk))
    while at + _SMALLEST <= end and chunk[at : at + 4] == _RECORD_MAGIC:
        size, number = struct.unpack_from("<IQ", chunk, at + 4)
        if size < _SMALLEST or at + size > end:
            return
        yield _Frame(number, chunk[at : at + size], at + size)
        at += size


def _used(chunk: bytes) -> int:
    """Where a chunk says that its free space begins."""
    return int.from_bytes(chunk[48:52], "little")


@dataclass(frozen=True, slots=True)
class _Read:
    """Numbers and texts of the records the library gave, and what it said of the others."""

    records: Sequence[tuple[int, bytes]]
    problem: str


def _read(chunks: Sequence[bytes], head: bytes) -> _Read:
    """What the library reads of a log of these chunks alone."""
    records = []
    problem = ""
    whole = (chunk.ljust(CHUNK, b"\0") for chunk in chunks)
    log = b"".join((head[:42], struct.pack("<H", len(chunks)), head[44:], *whole))
    try:
        found = iter(PyEvtxParser(io.BytesIO(log)).records_json())
    except _ERRORS as error:
        return _Read([], _said(error))
    # One more try than there can be records, as an error does not end the reading.
    for _ in range(len(chunks) * CHUNK // _SMALLEST):
        try:
            record = next(found, None)
        except _ERRORS as error:
            problem = problem or _said(error)
            continue
        if record is None:
            break
        records.append((int(record["event_record_id"]), record["data"].encode()))
    return _Read(records, problem)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _exactly(stream: Stream, size: int) -> bytes:
    """`size` bytes, fewer at the end of the stream only."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def evtx_decoder(layout: Layout) -> Decoder:
    """The records' JSON, read like any other; columns are looked for among the event's data, too."""
    decode_json = json_decoder(replace(layout, inside=INSIDE))

    def decode(texts: Sequence[bytes]) -> Decoded:
        return replace(decode_json(texts), original=[text.decode(errors="replace") for text in texts])

    return decode
