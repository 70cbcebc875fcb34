"""Binary Windows event logs, through the `evtx` library. A record is kept as the JSON the library gives of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO

from evtx import PyEvtxParser

from core.errors import Refused
from ingest.decode import Decoded, Decoder, Layout
from ingest.jsonlines import json_decoder
from ingest.reading import Limits, Stream
from ingest.splitting import Bad, Item

_BLOCK = 1 << 20
MOST_DAMAGED = 10_000
"""A log in which so many records cannot be read is given up."""


def split_evtx(stream: Stream, limits: Limits) -> Iterator[Item]:
    """Records of a log. One that is damaged is bad and the rest goes on; its bytes stay in the file, as the library
    does not give them."""
    with tempfile.TemporaryFile() as copy:
        _copy(stream, copy)
        try:
            records = iter(PyEvtxParser(copy).records_json())
        except (RuntimeError, OSError, ValueError) as error:
            raise Refused(f"is not a readable event log: {error}") from None
        damaged = 0
        last = 0
        while damaged <= MOST_DAMAGED:
            try:
                record = next(records)
            except StopIteration:
                return
            except (RuntimeError, OSError, ValueError) as error:
                damaged += 1
                yield Bad(f"a record after number {last}: {error}".encode(), "is damaged in the event log")
                continue
            if record is None:
                return
            last = record["event_record_id"]
            data = record["data"].encode()
            if len(data) > limits.max_record_bytes:
                yield Bad(data[: limits.max_record_bytes], f"is longer than {limits.max_record_bytes} bytes")
            else:
                yield data
        raise Refused(f"more than {MOST_DAMAGED} records of the event log are damaged")


def evtx_decoder(layout: Layout) -> Decoder:
    """The records' JSON, read like any other; columns are looked for among the event's data, too."""
    decode_json = json_decoder(replace(layout, inside=("Event.System", "Event.EventData", "Event.UserData")))

    def decode(texts: Sequence[bytes]) -> Decoded:
        return replace(decode_json(texts), original=[text.decode(errors="replace") for text in texts])

    return decode


def _copy(stream: Stream, copy: IO[bytes]) -> None:
    while block := stream.read(_BLOCK):
        copy.write(block)
    copy.seek(0)
