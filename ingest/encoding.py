"""Which encoding a file is in, and its records as UTF-8. A record that does not decode is bad alone."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from ingest.reading import HEAD_BYTES, Stream

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(slots=True)
class Encoding:
    """Encoding of a file: `utf-8`, `gb18030`, or not known yet (None), then the first record beyond ASCII tells."""

    name: str | None

    def texts(self, records: Sequence[bytes]) -> tuple[Sequence[bytes], dict[int, str]]:
        """The records as UTF-8 without NUL, and the reasons of those that cannot be (their texts are empty)."""
        if self._all_clean(records):
            return records, {}
        texts: list[bytes] = []
        bad: dict[int, str] = {}
        for number, record in enumerate(records):
            try:
                texts.append(self._text(record))
            except UnicodeDecodeError:
                texts.append(b"")
                bad[number] = f"is not {(self.name or 'utf-8').upper()} text"
            if b"\0" in record:
                texts[number] = b""
                bad[number] = "contains a NUL byte"
        return texts, bad

    def _all_clean(self, records: Sequence[bytes]) -> bool:
        joined = b"".join(records)
        if b"\0" in joined:
            return False
        if joined.isascii():
            return True
        return self.name == "utf-8" and _all_utf8(records)

    def _text(self, record: bytes) -> bytes:
        if record.isascii():
            return record
        if self.name is None:
            self.name = "utf-8" if _is(record, "utf-8") else "gb18030"
        if self.name == "utf-8":
            record.decode()
            return record
        return record.decode(self.name).encode()


def _all_utf8(records: Sequence[bytes]) -> bool:
    try:
        pl.Series(records, dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.ComputeError:
        return False
    return True


def _is(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def sniff(head: bytes) -> Encoding:
    """Judge by the lines of the head that are not plain ASCII: UTF-8 if half of them are, else GB18030 if more are."""
    lines = head.split(b"\n")
    if len(lines) > 1 and len(head) >= HEAD_BYTES:
        lines.pop()  # cut by the end of the head
    telling = [line for line in lines if not line.isascii()]
    if not telling:
        return Encoding(None)
    as_utf8 = sum(_is(line, "utf-8") for line in telling)
    as_gb = sum(_is(line, "gb18030") for line in telling)
    if len(lines) == 1 and not as_utf8 and any(_is(head[:-cut], "utf-8") for cut in (1, 2, 3)):
        return Encoding("utf-8")
    # Much UTF-8 happens to be GB18030 too, hardly any GB18030 is UTF-8.
    return Encoding("gb18030" if as_utf8 * 2 < len(telling) and as_gb > as_utf8 else "utf-8")


class TranscodedStream(Stream):
    """A stream of another encoding as UTF-8. Bytes that do not decode come through as they are, and are bad later."""

    def __init__(self, source: Stream, encoding: str) -> None:
        self._source = source
        self._errors = "surrogateescape" if encoding == "gb18030" else "surrogatepass"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._rest = b""
        self._done = False

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and not self._done:
            self._rest += self._more(max(size - len(self._rest), 4096))
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def peek(self, size: int) -> bytes:
        self._rest = self.read(size) + self._rest
        return self._rest[:size]

    def _more(self, size: int) -> bytes:
        data = self._source.read(size)
        self._done = not data
        try:
            return self._decoder.decode(data, final=False).encode("utf-8", self._errors) if data else self._cut()
        except UnicodeError:
            # UTF-16 that even surrogatepass cannot place; hand the bytes on, their record will be bad.
            self._decoder.reset()
            return data

    def _cut(self) -> bytes:
        """Bytes of a last character that is not whole."""
        return self._decoder.getstate()[0]


def as_text_stream(stream: Stream, utf8_first: Callable[[bytes], bool]) -> tuple[Stream, Encoding]:
    """The stream without byte order mark and with its encoding. UTF-16 comes as UTF-8, and so does all else where
    `utf8_first` says so of the head."""
    head = stream.peek(HEAD_BYTES)
    for mark, name in _BOMS:
        if head.startswith(mark):
            stream.read(len(mark))
            return (
                (stream, Encoding("utf-8")) if name == "utf-8" else (TranscodedStream(stream, name), Encoding("utf-8"))
            )
    encoding = sniff(head)
    if encoding.name == "gb18030" and utf8_first(head):
        return TranscodedStream(stream, "gb18030"), Encoding("utf-8")
    return stream, encoding
