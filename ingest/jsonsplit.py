"""JSON cut into records: lines, the elements of top-level arrays, or objects written over several lines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import orjson

from ingest.reading import HEAD_BYTES, Limits, Stream
from ingest.splitting import Bad, Item, pieces, split_lines, too_long

_WINDOW = 64 * 1024
_BETWEEN = b" \t\r\n,"
_QUOTE, _BACKSLASH, _COMMA, _NEWLINE = b'"\\,\n'

_STEP = np.zeros(256, dtype=np.int8)
_STEP[list(b"{[")] = 1
_STEP[list(b"}]")] = -1
_TELLS = _STEP != 0
_TELLS[[_COMMA, _NEWLINE]] = True

Positions = npt.NDArray[np.int64]


def split_json(stream: Stream, limits: Limits) -> Iterator[Item]:
    """Records of JSON text, whichever of the three ways it is written; told from the head of the stream."""
    head = stream.peek(HEAD_BYTES)
    if not spans_lines(head):
        yield from split_lines(stream, limits)
    else:
        yield from _Values(stream, limits.max_record_bytes).records()


def spans_lines(head: bytes) -> bool:
    """Whether records are not lines: a top-level array, or objects that go on over several lines.

    Their structure is read from brackets, which the second bytes of GB18030 may look like.
    """
    if head.lstrip().startswith(b"["):
        return True
    lines = [line for line in head.splitlines() if line.strip()][:2]
    if len(lines) < 2 or not lines[0].lstrip().startswith(b"{"):
        return False
    return lines[1].lstrip()[:1] in (b'"', b"}") and not _is_json(lines[0])


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


class _Values:
    """Cuts a stream of JSON values in bounded memory, by brackets and commas outside strings.

    Elements of a top-level array are records, as are values outside any. A string that runs over a line end cannot
    be JSON: its record ends there as a bad one, and reading goes on with the next line.
    """

    def __init__(self, stream: Stream, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._buffer = b""
        self._start = 0  # of the record being read, in the buffer
        self._scanned = 0  # everything in the buffer before this has been looked at
        self._inside = False  # a string
        self._depth = 0  # of brackets at `_scanned`
        self._level = 0  # depth of the records: 1 within a top-level array
        self._part = 1

    def records(self) -> Iterator[Item]:
        while block := self._stream.read(_WINDOW):
            self._buffer = self._buffer[self._start :] + block
            self._scanned -= self._start
            self._start = 0
            yield from self._scan(self._sound_end())
            yield from self._overlong()
        yield from self._scan(len(self._buffer))
        yield from self._record(len(self._buffer))

    def _sound_end(self) -> int:
        """Look no further than a run of backslashes at the end: what they escape is not here yet."""
        return max(len(self._buffer.rstrip(b"\\")), self._scanned)

    def _scan(self, end: int) -> Iterator[Item]:
        while self._scanned < end:
            if self._depth == 0 and self._start == self._scanned and not self._enter(end):
                break
            yield from self._window(end)

    def _enter(self, end: int) -> bool:
        """Between values: skip what separates them, step into a top-level array. False where nothing is left."""
        window = self._buffer[self._scanned : end]
        skipped = len(window) - len(window.lstrip(_BETWEEN))
        self._start = self._scanned = self._scanned + skipped
        if self._scanned == end:
            return False
        self._level = 0
        if self._buffer[self._scanned : self._scanned + 1] == b"[":
            self._level = self._depth = 1
            self._start = self._scanned = self._scanned + 1
        return True

    def _window(self, end: int) -> Iterator[Item]:
        """Read on to `end`, or to where the reading has to begin anew."""
        base = self._scanned
        codes = np.frombuffer(self._buffer, np.uint8, count=end - base, offset=base)
        quotes = _unescaped_quotes(codes)
        marks = np.flatnonzero(_TELLS[codes])
        within = (np.searchsorted(quotes, marks) + self._inside) % 2 == 1
        broken = marks[within & (codes[marks] == _NEWLINE)]
        marks = marks[~within]
        if len(broken):
            marks = marks[marks < broken[0]]
        depths = self._depth + np.cumsum(_STEP[codes[marks]], dtype=np.int64)
        ends, closed = self._ends(codes, marks, depths)
        for position in ends:
            yield from self._record(base + int(position))
        if closed is not None:
            self._scanned = self._start = base + closed + 1
            self._depth, self._inside = 0, False
        elif len(broken):
            self._scanned = base + int(broken[0]) + 1
            yield from self._record(self._scanned, "has a text that is not closed on its line")
            self._depth, self._inside = self._level, False
        else:
            self._scanned = end
            self._depth = int(depths[-1]) if len(depths) else self._depth
            self._inside = bool((len(quotes) + self._inside) % 2)

    def _ends(self, codes: npt.NDArray[np.uint8], marks: Positions, depths: Positions) -> tuple[Positions, int | None]:
        """Where records end, and where (if it does) the array, or the last whole value, closes."""
        steps = _STEP[codes[marks]]
        zero = np.flatnonzero((depths <= 0) & (steps < 0))
        if self._level:
            last = zero[0] if len(zero) else len(marks)
            commas = (codes[marks] == _COMMA) & (depths == 1)
            ends = marks[:last][commas[:last]]
            return (np.append(ends, marks[last]), int(marks[last])) if len(zero) else (ends, None)
        return (marks[zero[:1]] + 1, int(marks[zero[0]])) if len(zero) else (marks[:0], None)

    def _record(self, end: int, reason: str = "") -> Iterator[Item]:
        """The record from `_start` to before `end`; nothing if there is only space in it."""
        record = self._buffer[self._start : end].strip(_BETWEEN)
        self._start = end
        if self._part > 1:
            if record:
                yield Bad(record, too_long(self._limit, self._part))
        elif reason or len(record) > self._limit:
            cut, rest = pieces(record, self._limit, 1)
            yield from cut
            yield Bad(rest, reason if not cut else too_long(self._limit, len(cut) + 1))
        elif record:
            yield record
        self._part = 1

    def _overlong(self) -> Iterator[Item]:
        long = self._buffer[self._start : self._scanned]
        cut, rest = pieces(long if self._part > 1 else long.lstrip(_BETWEEN), self._limit, self._part)
        yield from cut
        self._part += len(cut)
        if cut:
            self._start = self._scanned - len(rest)


def _unescaped_quotes(codes: npt.NDArray[np.uint8]) -> Positions:
    """Positions of quotes not preceded by an odd run of backslashes."""
    quotes = np.flatnonzero(codes == _QUOTE)
    slashes = np.flatnonzero(codes == _BACKSLASH)
    if not len(slashes):
        return quotes
    first = np.concatenate(([True], np.diff(slashes) != 1))
    starts = slashes[first]
    ends = slashes[np.concatenate((first[1:], [True]))] + 1
    escaping = ends[(ends - starts) % 2 == 1]
    return quotes[~np.isin(quotes, escaping)]
