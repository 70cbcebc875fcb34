"""A bag of files in a container that anybody can build again: BagIt in a ZIP that stores, always the same bytes."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO, Protocol

from core.errors import Refused
from core.proof import canonical
from evidence.verify import entry

BLOCK = 1 << 20
LARGEST = (1 << 32) - 1
"""Bytes of a container: every program that opens ZIP files opens it."""
BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


class Signer(Protocol):
    """Who signs for the ledger, with Ed25519."""

    def public(self) -> bytes:
        """The 32 bytes of the public key."""

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a bag: what is in it, or where that lies; `sha256` is hexadecimal."""

    name: str
    data: bytes | Path
    size: int
    sha256: str
    crc: int

    def blocks(self) -> Iterator[bytes]:
        if isinstance(self.data, bytes):
            yield self.data
            return
        with self.data.open("rb") as file:
            while block := file.read(BLOCK):
                yield block


def file_of(name: str, data: bytes) -> File:
    return File(name=name, data=data, size=len(data), sha256=hashlib.sha256(data).hexdigest(), crc=zlib.crc32(data))


def bagged(payload: Sequence[File], info: Mapping[str, str], signer: Signer) -> list[File]:
    """A payload with everything that makes a signed bag of it, in the order of names."""
    tags = [
        file_of("bag-info.txt", "".join(f"{name}: {value}\n" for name, value in info.items()).encode()),
        file_of("bagit.txt", BAGIT),
        file_of("manifest-sha256.txt", _manifest(payload)),
        file_of("verify.py", files("evidence").joinpath("verify.py").read_bytes()),
    ]
    listed = _manifest(tags)
    seal = (
        canonical({"key": hashlib.sha256(signer.public()).hexdigest(), "signature": signer.sign(listed).hex()}) + b"\n"
    )
    last = [file_of("signature.json", seal), file_of("tagmanifest-sha256.txt", listed)]
    return sorted([*payload, *tags, *last], key=lambda file: file.name)


def write(bag: Iterable[File], out: BinaryIO, progress: Callable[[int], object] = lambda _: None) -> None:
    """Write a bag, its files in the order of names; `progress` is told how many bytes went."""
    listed: list[bytes] = []
    place = 0
    for file in bag:
        before, central = entry(file.name, file.crc, file.size)
        if place + len(before) + file.size + 22 + sum(map(len, listed)) > LARGEST:
            raise Refused("a bundle of more than 4 GiB cannot be opened everywhere: ask for smaller parts")
        out.write(before)
        for block in file.blocks():
            out.write(block)
            progress(len(block))
        listed.append(central + struct.pack("<I", place) + file.name.encode())
        place += len(before) + file.size
    whole, count = b"".join(listed), len(listed)
    out.write(whole + b"PK\5\6" + struct.pack("<4H2IH", 0, 0, count, count, len(whole), place, 0))


def _manifest(listed: Iterable[File]) -> bytes:
    return "".join(f"{file.sha256}  {file.name}\n" for file in sorted(listed, key=lambda file: file.name)).encode()
