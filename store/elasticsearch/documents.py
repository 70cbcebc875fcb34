"""Columns to the lines of a bulk request, and documents back to columns."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl

from core.batch import FRAGMENT, Batch, Quarantined
from core.condition import words
from core.errors import Damaged
from core.schema import SCHEMA, TIME
from store.elasticsearch.templates import BUILT, RULES, SOURCE, VENDOR, WORDS, Names

STAMP = "%Y-%m-%dT%H:%M:%S%.6fZ"
STORED_AS = {"vendor": VENDOR}
"""Where the exact text of a column lies when the document's field of that name is something to search."""
STREAM, END = "(stream)", "(end)"


def event_lines(events: pl.DataFrame, batch: Batch, names: Names, *, searchable: bool = True) -> list[bytes]:
    """Action and document of each event of a batch, ready for a bulk request. `searchable` documents also have the
    vendor's own record as an object; the server may refuse what is in it, and takes the event without."""
    record = pl.coalesce(pl.col("vendor"), pl.col("event.original")).str.strip_chars()
    end = (
        # Line breaks between the tokens of a record would end the document.
        pl.when(pl.lit(searchable) & record.str.starts_with("{") & record.str.ends_with("}"))
        .then(pl.concat_str(pl.lit(',"vendor":'), record.str.replace_all(r"[\r\n]", " "), pl.lit("}")))
        .otherwise(pl.lit("}"))
    )
    streams = {dataset: names.stream(dataset or batch.source) for dataset in events["event.dataset"].unique()}
    stream = pl.col("event.dataset").replace_strict(streams, return_dtype=pl.String)
    around = events.select(stream.alias(STREAM), end.alias(END))
    # A batch of which nothing was read is built of lines that were read before.
    beside = {SOURCE: batch.source, RULES: batch.rules_version, BUILT: batch.read == 0}
    own = [words_of(events), *(pl.lit(value).alias(name) for name, value in beside.items())]
    return _lines(events.rename(STORED_AS).with_columns(own), around)


def fragment_lines(fragments: pl.DataFrame, names: Names) -> list[bytes]:
    """Action and document of each line."""
    around = fragments.with_columns(pl.lit(names.line_stream).alias(STREAM), pl.lit("}").alias(END))
    return _lines(fragments, around.select(STREAM, END))


def quarantine_lines(bad: Iterable[Quarantined], names: Names) -> list[bytes]:
    """Action and document of each record in quarantine, its bytes in base64."""
    lines = []
    now = datetime.now(UTC)
    for one in bad:
        action = {"create": {"_index": names.quarantine, "_id": one.id}}
        document = {
            "id": one.id, "source": one.source, "file": one.file, "sequence": one.sequence, "reason": one.reason,
            "original": base64.b64encode(one.original).decode(), "context": one.context,
            "at": (one.at or now).isoformat(),
        }  # fmt: skip
        lines.append(orjson.dumps(action) + b"\n" + orjson.dumps(document))
    return lines


def quarantined(document: Mapping[str, Any]) -> Quarantined:
    at = document.get("at")
    read = {"original": base64.b64decode(document["original"]), "at": at and datetime.fromisoformat(at)}
    return Quarantined(**dict(document) | read)


def update_lines(hits: Sequence[Mapping[str, Any]], events: pl.DataFrame, rules: str) -> list[bytes]:
    """Action and change of each hit's event, tagged anew, and its words: those of older versions are not kept."""
    changed = events.select("event.id", "rule.matched", words_of(events))
    found = {row["event.id"]: row | {RULES: rules} for row in changed.iter_rows(named=True)}
    return [
        orjson.dumps({"update": {"_index": hit["_index"], "_id": hit["_id"]}})
        + b"\n"
        + orjson.dumps({"doc": found[hit["_id"]]})
        for hit in hits
    ]


def words_of(events: pl.DataFrame) -> pl.Series:
    """What free text is searched in."""
    return events.select(words(pl.col("event.original")).alias(WORDS)).to_series()


def delete_line(index: str, document_id: str) -> bytes:
    return orjson.dumps({"delete": {"_index": index, "_id": document_id}})


def fields_of(columns: Iterable[str]) -> list[str]:
    """What to ask of a document for these columns."""
    return [STORED_AS.get(column, column) for column in columns]


def frame_of(documents: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    """Columns of an event or a line from its documents."""
    types = {name: SCHEMA.get(name) or FRAGMENT[name] for name in columns}
    texts = {STORED_AS.get(name, name): pl.String() if dtype == TIME else dtype for name, dtype in types.items()}
    frame = pl.DataFrame(list(documents), schema=texts, orient="row", infer_schema_length=None)
    return timed(frame.rename({stored: name for name, stored in STORED_AS.items() if stored in texts}), types)


def frames_of(hits: Sequence[Mapping[str, Any]]) -> Iterator[pl.DataFrame | Damaged]:
    """Whole events; in the place of a document that somebody made one of no event, why."""
    try:
        yield frame_of([hit["_source"] for hit in hits], list(SCHEMA))
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        if len(hits) == 1:
            yield Damaged(f"document {hits[0]['_id']} of {hits[0]['_index']} is no event: {error}")
            return
        middle = len(hits) // 2
        yield from frames_of(hits[:middle])
        yield from frames_of(hits[middle:])


def timed(frame: pl.DataFrame, types: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The frame, its times read."""
    times = [pl.col(name) for name, dtype in types.items() if dtype == TIME]
    return frame.with_columns(time.str.to_datetime(STAMP, time_unit="us", time_zone="UTC") for time in times)


def _lines(rows: pl.DataFrame, around: pl.DataFrame) -> list[bytes]:
    """A line of action and document for each row; `around` has the stream it goes to and how its document ends, closing
    brace included."""
    filled = [column.name for column in rows if column.null_count() < rows.height]
    times = [pl.col(name).dt.strftime(STAMP) for name in filled if rows.schema[name] == TIME]
    document = pl.struct(filled).struct.json_encode().str.strip_suffix("}")
    target = pl.struct(pl.col(STREAM).alias("_index"), pl.col("event.id").alias("_id"))
    action = pl.struct(target.alias("create")).struct.json_encode()
    line = pl.concat_str(action, pl.lit("\n"), document, pl.col(END))
    return [text.encode() for text in rows.with_columns(times).hstack(around).select(line.alias("line"))["line"]]
