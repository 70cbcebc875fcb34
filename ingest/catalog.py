"""Sources, found by looking under `ingest/sources`, and what each does with a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import polars as pl

from core.batch import Batch, Quarantined
from core.errors import Refused, Unreadable
from core.schema import conform, empty
from ingest.batching import Group, Stamp, UntilRefused, batch_of, decode_piece, grouped
from ingest.context import with_context
from ingest.encoding import Encoding, as_text_stream, sniff
from ingest.formats import ENRICH, JOINS
from ingest.located import Located, load_located
from ingest.mapping import RecordMapping, compile_mapping
from ingest.occurrences import RecordIds
from ingest.pieces import Part, Piece, gathered
from ingest.reading import HEAD_BYTES, MIB, Limits, Member, OpenFile, Stream
from ingest.recognise import FileFormat, Head, choose, file_format
from ingest.values import zone_name

BATCH_BYTES = 12 * MIB
LIMITS = Limits()
_TEXTS = ("title", "module", "dataset", "folder", "certainty", "vendor")
_KEYS = (*_TEXTS, "reference", "zone", "formats", "fields", "records", "ignore", "reads", "enrich", "context", "join")
_NEEDED = (*_TEXTS, "reference", "zone", "formats", "records")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One stream of one system: recognises its files and turns them into batches."""

    name: str
    title: str
    module: str
    dataset: str
    folder: str
    certainty: str
    reference: tuple[str, ...]
    vendor: str
    formats: tuple[FileFormat, ...]
    mapping: RecordMapping
    enrich: str = ""
    context: int = 0
    join: str = ""

    @property
    def joins(self) -> bool:
        """Whether events of this source span lines."""
        return bool(self.join)

    def recognises(self, path: Path) -> bool:
        """Whether the head of the file (of the first one in an archive) looks like this source's."""
        try:
            with OpenFile(path, Limits()) as file:
                member = next(file.members(), None)
                head = _head(member.stream) if member else Head(b"", "utf-8")
        except Refused:
            return False
        return any(entry.fits(head) for entry in self.formats)

    def batches(self, path: Path, *, batch_bytes: int = BATCH_BYTES, limits: Limits = LIMITS) -> Iterator[Batch]:
        """Batches of about `batch_bytes` of records of a file, in order. What is read before a `Refused` stays good:
        the error comes after the batches of the records before it."""
        refusals: list[Refused] = []
        yield from self.read([path], lambda _, error: refusals.append(error), batch_bytes=batch_bytes, limits=limits)
        for error in refusals:
            raise error

    def read(
        self,
        paths: Iterable[Path],
        refuse: Callable[[Path, Refused], None],
        *,
        batch_bytes: int = BATCH_BYTES,
        limits: Limits = LIMITS,
    ) -> Iterator[Batch]:
        """Batches of many files, small ones put together; `refuse` is told of each file that is refused. A file that is
        read to its end has a `last` in the `files` of its last batch, an empty one too."""

        def pieces() -> Iterator[Piece]:
            for path in paths:
                try:
                    yield from self._pieces(path, batch_bytes, limits)
                except Refused as error:
                    refuse(path, error)

        together = gathered(pieces(), batch_bytes)
        if self.enrich:
            together = with_context(together, self.context, ENRICH[self.enrich])
        return (batch_of(piece, self.mapping, self._stamp) for piece in together)

    def _pieces(self, path: Path, batch_bytes: int, limits: Limits) -> Iterator[Piece]:
        with OpenFile(path, limits) as file:
            held: Piece | None = None
            try:
                for member in file.members():
                    for piece in self._member(member, file, batch_bytes, limits):
                        piece.parts[0].opens = held is None
                        if held:
                            yield held
                        held = piece
            except Refused:
                if held:
                    yield held
                raise
            modified = datetime.fromtimestamp(file.modified, UTC)
            final = held or Piece(parts=[Part(file=file.name, modified=modified, first=0, records=0, opens=True)])
            final.parts[-1].ends = True
            final.parts[-1].bytes += file.taken(last=True)
            yield final

    def _member(self, member: Member, file: OpenFile, batch_bytes: int, limits: Limits) -> Iterator[Piece]:
        head = _head(member.stream)
        if not head.raw:
            return
        entry = choose(self.formats, head, member.name)
        stream, encoding = (
            (member.stream, None) if entry.format.binary else as_text_stream(member.stream, entry.format.utf8_first)
        )
        items = UntilRefused(entry.format.split(stream, limits))
        decode = entry.format.decoder(entry.layout(self.mapping.columns, member.name))
        ids = RecordIds(self.name)
        modified = datetime.fromtimestamp(file.modified, UTC)
        first = 0
        for group in grouped(items, batch_bytes):
            part = Part(file=member.name, modified=modified, first=first, records=len(group.records))
            piece = decode_piece(group, part, ids=ids.take, decode=decode, encoding=encoding)
            part.bytes = file.taken()
            yield piece
            first += part.records
        if items.error:
            raise items.error

    def parse_record(self, record: Quarantined) -> pl.DataFrame:
        """The event of a record from quarantine, under the id it had there; raises `Unreadable` with the reason."""
        problem = "is in none of the formats of its source"
        for entry in self.formats:
            if entry.name == "csv" and not record.context:
                continue
            try:
                batch = self._alone(record, entry)
            except Refused as error:
                problem = str(error)
                continue
            if batch.events.height:
                return batch.events.with_columns(pl.lit(record.id).alias("event.id"))
            if batch.fragments.height:
                problem = "is part of an event that spans lines; import its file again"
            elif batch.quarantined:
                problem = batch.quarantined[0].reason
        raise Unreadable(problem)

    def _alone(self, record: Quarantined, entry: FileFormat) -> Batch:
        piece = decode_piece(
            Group([record.original]),
            Part(file=record.file, modified=datetime.now(UTC), first=record.sequence, records=1),
            ids=lambda _: [record.id],
            decode=entry.format.decoder(entry.layout(self.mapping.columns, record.file, record.context)),
            encoding=None if entry.format.binary else Encoding(None),
        )
        if self.enrich:
            piece = next(with_context([piece], self.context, ENRICH[self.enrich]))
        return batch_of(piece, self.mapping, self._stamp)

    def assemble(self, fragments: pl.DataFrame) -> pl.DataFrame:
        """The events that are complete among the fragments; none for a source whose events do not span lines."""
        if not self.join or not fragments.height:
            return empty()
        events = JOINS[self.join](fragments)
        return conform(
            events.with_columns(
                pl.lit(self.module).alias("event.module"),
                pl.lit(self.dataset).alias("event.dataset"),
            )
        )

    @property
    def _stamp(self) -> Stamp:
        return Stamp(source=self.name, module=self.module, dataset=self.dataset)


def _head(stream: Stream) -> Head:
    raw = stream.peek(HEAD_BYTES)
    for mark, name in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8")):
        if raw.startswith(mark):
            return Head(raw[len(mark) :], name)
    return Head(raw, sniff(raw).name or "utf-8")


def sources(zone: str = "Asia/Shanghai") -> Mapping[str, Source]:
    """Every source there is, by name; `zone` is the company's. A mistake in any `source.yml` is a `MappingError`."""
    folder = files("ingest") / "sources"
    found = (item for item in folder.iterdir() if item.is_dir() and (item / "source.yml").is_file())
    return {item.name: load(item, zone) for item in sorted(found, key=lambda item: item.name)}


def load(folder: Traversable, zone: str = "Asia/Shanghai") -> Source:
    """Compile one source folder."""
    file = f"{folder.name}/source.yml"
    return compile_source(folder.name, (folder / "source.yml").read_text(encoding="utf-8"), file, zone)


def compile_source(name: str, text: str, file: str = "source.yml", zone: str = "Asia/Shanghai") -> Source:
    """Compile the text of a `source.yml`."""
    top = load_located(text, file)
    spec = top.mapping(_KEYS)
    for key in _NEEDED:
        if key not in spec:
            top.fail(f"{key} is missing")
    if spec["certainty"].text() not in ("A", "B", "C"):
        spec["certainty"].fail("certainty is A, B or C")
    formats = tuple(file_format(item) for item in spec["formats"].list())
    mapping = compile_mapping(top, spec, zone_name(spec["zone"], zone))
    reads = frozenset(spec["reads"].texts()) if "reads" in spec else frozenset()
    return Source(
        name=name,
        **{key: spec[key].text() for key in _TEXTS},
        reference=spec["reference"].texts(),
        formats=formats,
        mapping=replace(mapping, columns=mapping.columns | reads),
        enrich=_named(spec, "enrich", ENRICH),
        context=spec["context"].integer() if "context" in spec else 0,
        join=_named(spec, "join", JOINS),
    )


def _named(spec: Mapping[str, Located], key: str, table: Mapping[str, object]) -> str:
    if key not in spec:
        return ""
    name = spec[key].text()
    if name not in table:
        spec[key].fail(f"{name} is not known; known are: {', '.join(table) or 'none'}")
    return name
