"""Which of a source's formats a file is in, told from its head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from core.errors import Refused
from ingest.csvrows import header_cells
from ingest.decode import Format, Layout
from ingest.formats import FORMATS
from ingest.located import Located
from ingest.transforms import regex

_LINES = 50
_KEYS = ("format", "recognise", "rename", "delimiter", "inside", "record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What the head of a file must show; empty signs ask for nothing."""

    columns: Sequence[str] = ()
    keys: Sequence[str] = ()
    matches: str = ""
    contains: str = ""
    magic: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """An entry of `formats`."""

    name: str
    signs: Signs
    rename: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ","
    inside: Sequence[str] = ()
    record: str | None = None

    @property
    def format(self) -> Format:
        return FORMATS[self.name]

    def layout(self, columns: frozenset[str], file: str, context: str = "") -> Layout:
        return Layout(
            columns=columns,
            file=file,
            required=self.signs.columns,
            rename=self.rename,
            delimiter=self.delimiter,
            inside=self.inside,
            record=self.record,
            context=context,
        )

    def missing(self, head: Head) -> Sequence[str]:
        """Columns of the format that the header of the file lacks."""
        names = header_cells(head.first, self.delimiter, dict(self.rename))
        return [name for name in self.signs.columns if name not in names]

    def fits(self, head: Head) -> bool:
        signs = self.signs
        if self.format.binary or signs.magic:
            return head.raw.startswith(signs.magic)
        if self.name == "json" and not head.lines.str.contains(r"^\s*[{\[]").any():
            return False
        return (
            (not signs.columns or not self.missing(head))
            and all(f'"{key}"' in head.text for key in signs.keys)
            and signs.contains in head.text
            and (not signs.matches or bool(head.lines.str.contains(signs.matches).any()))
        )


class Head:
    """The first bytes of a file, and as text."""

    def __init__(self, raw: bytes, encoding: str) -> None:
        self.raw = raw
        self.text = raw.decode(encoding, errors="replace")
        filled = [line for line in self.text.splitlines() if line.strip()]
        self.first = filled[0] if filled else ""
        self.lines = pl.Series(filled[:_LINES], dtype=pl.String)


def choose(formats: Sequence[FileFormat], head: Head, file: str) -> FileFormat:
    """The first format that fits. Where none does: one that can take any line, so that each line is judged alone;
    but a file that could only be a CSV of other columns is refused."""
    fitting = next((entry for entry in formats if entry.fits(head)), None)
    if fitting is not None:
        return fitting
    tables = [entry for entry in formats if entry.name == "csv"]
    plain = [entry for entry in formats if not entry.format.binary and entry.name not in ("csv", "xml")]
    if plain and (not tables or head.first.lstrip()[:1] in ("{", "[", "")):
        return plain[0]
    if not tables:
        raise Refused(f"{file} is in none of the formats {', '.join(entry.name for entry in formats)}")
    nearest = min(tables, key=lambda entry: len(entry.missing(head)))
    raise Refused(f"{file} has no column {', '.join(nearest.missing(head))}")


def file_format(spec: Located) -> FileFormat:
    """Compile an entry of `formats`."""
    found = spec.mapping(_KEYS)
    if not {"format", "recognise"} <= set(found):
        spec.fail("an entry of formats needs format and recognise")
    name = found["format"].text()
    if name not in FORMATS:
        found["format"].fail(f"{name} is not a format; known are: {', '.join(FORMATS)}")
    for key, only in (("rename", "csv"), ("delimiter", "csv"), ("record", "csv"), ("inside", "json")):
        if key in found and name != only:
            found[key].fail(f"{key} is for {only} only")
    if "delimiter" in found and len(found["delimiter"].text().encode()) != 1:
        found["delimiter"].fail("the delimiter is one ASCII character")
    return FileFormat(
        name=name,
        signs=_signs(found["recognise"]),
        rename={key: value.text() for key, value in found["rename"].items()} if "rename" in found else {},
        delimiter=found["delimiter"].text() if "delimiter" in found else ",",
        inside=found["inside"].texts() if "inside" in found else (),
        record=found["record"].text() if "record" in found else None,
    )


def _signs(spec: Located) -> Signs:
    found = spec.mapping({"columns", "keys", "matches", "contains", "magic"})
    if not found:
        spec.fail("recognise asks for nothing")
    return Signs(
        columns=found["columns"].texts() if "columns" in found else (),
        keys=found["keys"].texts() if "keys" in found else (),
        matches=regex(found["matches"]) if "matches" in found else "",
        contains=found["contains"].text() if "contains" in found else "",
        magic=found["magic"].text().encode() if "magic" in found else b"",
    )
