"""Streams cut into records of bytes: lines, and CSV records whose quoted cells may span lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingest.reading import MIB, Limits, Stream

_BLOCK = 256 * 1024
OPEN_QUOTE_LINES = 200
"""A quoted cell longer than this is taken for a quote that was never closed."""


@dataclass(frozen=True, slots=True)
class Bad:
    """Bytes that cannot be a record, with the reason."""

    original: bytes
    reason: str


Item = bytes | Bad | list[bytes]
"""What a splitter yields: a record, a bad one, or a run of records (the quickest where there are many)."""


def split_lines(stream: Stream, limits: Limits) -> Iterator[Item]:
    """Lines without their ends (`\\n` or `\\r\\n`)."""
    for lines in _raw_lines(stream, limits.max_record_bytes):
        yield lines if isinstance(lines, Bad) else [line.removesuffix(b"\r") for line in lines]


def pieces(long: bytes, limit: int, part: int) -> tuple[list[Bad], bytes]:
    """Cut a record that is too long into pieces of `limit` bytes, the first being part `part`; and what is left."""
    cut: list[Bad] = []
    while len(long) > limit:
        cut.append(Bad(long[:limit], too_long(limit, part + len(cut))))
        long = long[limit:]
    return cut, long


def too_long(limit: int, part: int) -> str:
    return f"is longer than {limit} bytes (part {part})"


def _raw_lines(stream: Stream, limit: int) -> Iterator[Bad | list[bytes]]:
    """Runs of lines without `\\n`, and the pieces of lines that are too long."""
    rest = b""
    part = 1
    while block := stream.read(_BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        if lines and (part > 1 or max(map(len, lines)) > limit):
            yield from _with_long_ones(lines, limit, part)
            part = 1
        elif lines:
            yield lines
        cut, rest = pieces(rest, limit, part)
        yield from cut
        part += len(cut)
    if rest:
        yield [rest] if part == 1 else Bad(rest, too_long(limit, part))


def _with_long_ones(lines: Iterable[bytes], limit: int, part: int) -> Iterator[Bad | list[bytes]]:
    for line in lines:
        if part == 1 and len(line) <= limit:
            yield [line]
            continue
        cut, rest = pieces(line, limit, part)
        yield from cut
        yield Bad(rest, too_long(limit, part + len(cut)))
        part = 1


def split_csv(stream: Stream, limits: Limits) -> Iterator[Item]:
    """CSV records. A quote that is not closed costs its own line only; reading goes on with the next one."""
    most = min(limits.max_record_bytes, MIB)
    waiting: deque[bytes] = deque()
    for lines in _raw_lines(stream, limits.max_record_bytes):
        if isinstance(lines, Bad):
            yield from _give_up(waiting)
            yield lines
        elif waiting or any(line.count(b'"') % 2 for line in lines):
            yield from _over_lines(lines, waiting, most)
        else:
            yield [line.removesuffix(b"\r") for line in lines]
    yield from _give_up(waiting)


def _over_lines(lines: Iterable[bytes], waiting: deque[bytes], most: int) -> Iterator[Item]:
    """Join lines while a quote is open; `waiting` is carried from block to block."""
    for line in lines:
        odd = line.count(b'"') % 2
        if not waiting and not odd:
            yield line.removesuffix(b"\r")
            continue
        waiting.append(line)
        if len(waiting) > 1 and odd:
            yield b"\n".join(waiting).removesuffix(b"\r")
            waiting.clear()
        elif len(waiting) > OPEN_QUOTE_LINES or (len(waiting) > 1 and sum(map(len, waiting)) > most):
            yield from _give_up(waiting)


def _give_up(waiting: deque[bytes]) -> Iterator[Item]:
    """The line that opened the quote is bad; the lines after it hold no odd quote, so each is whole."""
    if waiting:
        yield Bad(waiting.popleft().removesuffix(b"\r"), "a quote in it is never closed")
    while waiting:
        yield waiting.popleft().removesuffix(b"\r")
