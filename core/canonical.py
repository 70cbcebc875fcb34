"""Ids made from content, so that doing a thing twice does it once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

ID_BYTES = 16
PLACES = 1 << 16


def content_id(*parts: str) -> str:
    """32 hex digits that name `parts`. Parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ."""
    digest = hashlib.blake2b(digest_size=ID_BYTES)
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def place_of(person: str) -> int:
    """One of `PLACES` places, evenly spread and always the same: work on persons is divided by it."""
    return int.from_bytes(hashlib.blake2b(person.encode(), digest_size=2).digest(), "big")


def record_ids(source: str, originals: Iterable[bytes], occurrences: Sequence[int]) -> list[str]:
    """One id per record of a file: the source, the raw bytes, and how many equal records came before it in that file.

    Two equal lines of one file are therefore two events, while a copy, a renamed, a grown or an overlapping file
    gives the ids its lines already have.
    """
    start = hashlib.blake2b(source.encode() + b"\0", digest_size=ID_BYTES)
    # Another personalisation, so that no record can be written whose id is that of another's repetition.
    repeated = hashlib.blake2b(source.encode() + b"\0", digest_size=ID_BYTES, person=b"repeated")
    ids = []
    for original, occurrence in zip(originals, occurrences, strict=True):
        digest = (repeated if occurrence else start).copy()
        if occurrence:
            digest.update(b"%d\0" % occurrence)
        digest.update(original)
        ids.append(digest.hexdigest())
    return ids


def moment_text(moment: datetime) -> str:
    """A time in UTC to the microsecond, always as many characters: 2026-11-27T03:02:06.000000Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment_or_none(moment: datetime | None) -> str | None:
    """The same of a time that may not be known."""
    return None if moment is None else moment_text(moment)
