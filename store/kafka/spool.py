"""Messages on disk until Kafka has them: bounded, whole or not there, in order."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Condition

import orjson

from core.errors import Damaged
from store.kafka.messages import Message

HEAD = struct.Struct("<III")
"""Length of a message's description, length of its value, checksum of both."""


class Spool:
    """Files of messages, one per batch, named by number. `put` returns when the file is safe on disk, and waits while
    there is no room; one that is larger than all the room is taken when nothing else is there."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob("*.part"):
            part.unlink()
        self._sizes = {int(file.stem): file.stat().st_size for file in folder.glob("*.spool")}
        self._next = max(self._sizes, default=0) + 1
        self._changed = Condition()
        self._closed = False

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait."""
        with self._changed:
            return sum(self._sizes.values())

    def put(self, messages: Sequence[Message]) -> None:
        packed = b"".join(_packed(message) for message in messages)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(len(packed)))
            number, self._next = self._next, self._next + 1
            self._write(number, packed)
            self._sizes[number] = len(packed)
            self._changed.notify_all()

    def first(self, wait_seconds: float) -> int | None:
        """The number of the oldest file; None when none came in that time."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._sizes, wait_seconds)
            return min(self._sizes, default=None)

    def messages(self, number: int) -> Iterator[Message]:
        """The messages of a file. Raises `Damaged`."""
        file = self._file(number)
        data, start = file.read_bytes(), 0
        while start < len(data):
            message, start = _unpacked(data, start, file)
            yield message

    def remove(self, number: int) -> None:
        """Kafka has them."""
        self._file(number).unlink()
        with self._changed:
            del self._sizes[number]
            self._changed.notify_all()

    def wait_until_empty(self, seconds: float | None = None) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._sizes, seconds)

    def close(self) -> None:
        """Nobody waits any longer; what is there stays for the next time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _fits(self, size: int) -> bool:
        return not self._sizes or sum(self._sizes.values()) + size <= self._most

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:016d}.spool"

    def _write(self, number: int, packed: bytes) -> None:
        part = self._file(number).with_suffix(".part")
        with part.open("wb") as out:
            out.write(packed)
            out.flush()
            os.fsync(out.fileno())
        part.rename(self._file(number))
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _packed(message: Message) -> bytes:
    described = orjson.dumps([message.topic, message.slot, message.kind, message.source])
    checksum = zlib.crc32(message.value, zlib.crc32(described))
    return HEAD.pack(len(described), len(message.value), checksum) + described + message.value


def _unpacked(data: bytes, start: int, file: Path) -> tuple[Message, int]:
    try:
        described_size, value_size, checksum = HEAD.unpack_from(data, start)
        middle = start + HEAD.size + described_size
        described, value = data[start + HEAD.size : middle], data[middle : middle + value_size]
        if zlib.crc32(value, zlib.crc32(described)) != checksum:
            raise ValueError("checksum")
        topic, slot, kind, source = orjson.loads(described)
    except (struct.error, ValueError) as error:
        raise Damaged(f"{file.name} in the spool is damaged: delete it and collect again") from error
    return Message(topic=topic, slot=slot, kind=kind, source=source, value=value), middle + value_size
