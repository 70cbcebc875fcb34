"""What a source gives for its samples; `python tests/ingest/samples.py NAME` writes it down as expected."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from ingest.catalog import Source, sources

FOLDER = Path(__file__).parents[2] / "ingest" / "sources"


def samples(name: str) -> list[Path]:
    return sorted(path for path in (FOLDER / name).glob("sample*") if path.is_file())


def outcome(source: Source) -> list[dict[str, object]]:
    """Events of all samples in order, then those joined from fragments, then what was quarantined."""
    events: list[dict[str, object]] = []
    bad: list[dict[str, object]] = []
    fragments = []
    for path in samples(source.name):
        for batch in source.batches(path):
            events += [_document(row) for row in batch.events.iter_rows(named=True)]
            bad += [{"quarantined": record.reason, "file": record.file} for record in batch.quarantined]
            fragments.append(batch.fragments)
    joined = source.assemble(pl.concat(fragments)) if source.joins else pl.DataFrame()
    return [*events, *(_document(row) for row in joined.iter_rows(named=True)), *bad]


def _document(row: dict[str, object]) -> dict[str, object]:
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None
    }


def expected(name: str) -> list[dict[str, object]]:
    lines = (FOLDER / name / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        lines = [json.dumps(document, ensure_ascii=False) for document in outcome(sources()[name])]
        (FOLDER / name / "expected.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
