"""One file of many parts, a tar of plain files: written and read a little at a time, each part with its SHA-256."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from core.errors import Refused

PIECE = 1 << 20
MANIFEST = "manifest.json"
NAME = re.compile(r"[\w][\w .+=@-]{0,120}(/[\w][\w .+=@-]{0,120}){0,8}")
"""Names of parts: no part of one begins with a dot, is empty or leads elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a manifest says of one part."""

    name: str
    size: int
    sha256: str


def add(out: IO[bytes], name: str, size: int, data: IO[bytes]) -> Part:
    """Write one part of so many bytes. Raises `Refused` where it has fewer, or a name that would not be read."""
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} cannot be kept in a backup: letters, digits, spaces and .+=@- only")
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    try:
        out.write(header.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict"))
    except ValueError as error:
        raise Refused(f"{name!r} cannot be kept in a backup: {error}") from None
    digest = hashlib.sha256()
    for piece in _exactly(data, size, name):
        digest.update(piece)
        out.write(piece)
    out.write(bytes(-size % tarfile.BLOCKSIZE))
    return Part(name=name, size=size, sha256=digest.hexdigest())


def end(out: IO[bytes]) -> None:
    out.write(bytes(2 * tarfile.BLOCKSIZE))


def parts(file: IO[bytes]) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    """Name, size and content of each part, in order; each content has to be read before the next. Nothing but plain
    files is taken: raises `Refused` for links, devices, sparse files, long headers, names that lead elsewhere or come
    twice, and where the file ends early."""
    seen: set[str] = set()
    while True:
        block = b"".join(_exactly(file, tarfile.BLOCKSIZE, "the file"))
        if not any(block):
            while piece := file.read(PIECE):
                if any(piece):
                    raise Refused("something follows the end of the backup")
            return
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise Refused(f"this is no backup: {error}") from None
        if header.type != tarfile.REGTYPE or header.size < 0:
            raise Refused(f"{header.name!r} in it is not a plain file")
        if not NAME.fullmatch(header.name) or header.name in seen:
            raise Refused(f"{header.name!r} is not a name that a backup has, or has twice")
        seen.add(header.name)
        yield header.name, header.size, _exactly(file, header.size, header.name)
        if any(b"".join(_exactly(file, -header.size % tarfile.BLOCKSIZE, header.name))):
            raise Refused(f"something follows {header.name!r} that is no part")


def _exactly(data: IO[bytes], size: int, name: str) -> Iterator[bytes]:
    left = size
    while left:
        piece = data.read(min(PIECE, left))
        if not piece:
            raise Refused(f"{name} ends too early: it was cut short, or changed meanwhile")
        left -= len(piece)
        yield piece
