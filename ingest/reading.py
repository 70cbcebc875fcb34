"""Files as streams of bytes: plain, gzip, or the members of a zip; nothing is ever unpacked to disk or held whole."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from core.errors import Refused

MIB = 1024 * 1024
HEAD_BYTES = 64 * 1024
"""How much of a file is looked at to tell its format and encoding."""

_OTHER_ARCHIVES = {
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one file may ask of us. What lies beyond is refused, after the records read so far.

    `max_record_bytes`: a longer record goes to quarantine in pieces of this size. `max_ratio`: expanded to packed
    size, counted once `ratio_floor` bytes are expanded. `max_expanded_bytes`: of one file in all.
    """

    max_record_bytes: int = 16 * MIB
    max_ratio: int = 400
    ratio_floor: int = 64 * MIB
    max_expanded_bytes: int = 1024 * 1024 * MIB


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Stream:
    """Bytes of one member, counted against the limits. Every error of unpacking is a `Refused`."""

    def __init__(self, raw: Readable, guard: _Guard) -> None:
        self._raw = raw
        self._guard = guard
        self._ahead = b""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; empty at the end."""
        if self._ahead:
            taken, self._ahead = self._ahead[:size], self._ahead[size:]
            return taken
        return self._guard.read(self._raw, size)

    def peek(self, size: int) -> bytes:
        """The next `size` bytes (fewer at the end) without taking them."""
        while len(self._ahead) < size and (more := self._guard.read(self._raw, size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]


@dataclass(slots=True)
class _Guard:
    name: str
    packed: int
    limits: Limits
    expanded: int = 0

    def read(self, raw: Readable, size: int) -> bytes:
        try:
            data = raw.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError) as error:
            raise Refused(f"{self.name} is a damaged archive: {error}") from None
        except OSError as error:
            raise Refused(f"{self.name} cannot be read: {error.strerror or error}") from None
        self.expanded += len(data)
        if self.expanded > self.limits.max_expanded_bytes:
            raise Refused(f"{self.name} expands to more than {self.limits.max_expanded_bytes} bytes")
        if self.expanded > max(self.limits.ratio_floor, self.packed * self.limits.max_ratio):
            raise Refused(f"{self.name} expands more than {self.limits.max_ratio} times, like a zip bomb")
        return data


@dataclass(frozen=True, slots=True)
class Member:
    """A file, or one file of a zip. `name` is what events carry as the file's name."""

    name: str
    stream: Stream


def shown(path: Path | str) -> str:
    r"""A path or a name as text; bytes that are not UTF-8 as \xff."""
    return os.fsencode(path).decode(errors="backslashreplace")


class OpenFile:
    """A file being read. `taken` is how much of it, as it lies on disk, has been read since last asked."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.name = shown(path.name)
        self._limits = limits
        self._told = 0
        self._raw = _open(path)
        self.size = path.stat().st_size
        self.modified = path.stat().st_mtime

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    def taken(self, *, last: bool = False) -> int:
        position = self.size if last else min(self._raw.tell(), self.size)
        new = max(position - self._told, 0)
        self._told += new
        return new

    def members(self) -> Iterator[Member]:
        """The file itself, or each file of a zip in turn. Archives inside archives are refused."""
        guard = _Guard(self.name, max(self.size, 1), self._limits)
        magic = self._raw.read(8)
        self._raw.seek(0)
        for start, kind in _OTHER_ARCHIVES.items():
            if magic.startswith(start):
                raise Refused(f"{self.name} is a {kind} archive; plain, gzip and zip files are read")
        if magic.startswith(b"\x1f\x8b"):
            stream = Stream(gzip.GzipFile(fileobj=self._raw, mode="rb"), guard)
            _refuse_nested(stream, self.name)
            yield Member(self.name, stream)
        elif magic.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from self._zipped(guard)
        else:
            yield Member(self.name, Stream(self._raw, guard))

    def _zipped(self, guard: _Guard) -> Iterator[Member]:
        try:
            archive = zipfile.ZipFile(self._raw)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
            raise Refused(f"{self.name} is a damaged archive: {error}") from None
        with archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                name = f"{self.name}/{entry.filename}"
                if entry.flag_bits & 1:
                    raise Refused(f"{name} is encrypted")
                try:
                    raw = archive.open(entry)
                except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
                    raise Refused(f"{name} cannot be unpacked: {error}") from None
                with raw:
                    stream = Stream(raw, guard)
                    _refuse_nested(stream, name)
                    yield Member(name, stream)


def _open(path: Path) -> IO[bytes]:
    if path.is_dir():
        raise Refused(f"{path} is a folder, not a file")
    if path.exists() and not path.is_file():
        raise Refused(f"{path} is not a regular file")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise Refused(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        raise Refused(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _refuse_nested(stream: Stream, name: str) -> None:
    magic = stream.peek(8)
    if magic.startswith((b"\x1f\x8b", b"PK\x03\x04", *_OTHER_ARCHIVES)):
        raise Refused(f"{name} is an archive inside an archive")
