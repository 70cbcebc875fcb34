"""Small sources, one per format, and the account every batch must keep."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from core.batch import Batch
from core.errors import Refused
from ingest.catalog import Source, compile_source
from ingest.reading import Limits

HEAD = """
title: Test
module: test
dataset: test.log
folder: test
certainty: C
reference: made up
vendor: test
zone: UTC
"""

RECORDS = """
fields:
  "@timestamp": {from: [time, timestamp, rt], time: [iso, syslog]}
  user.account: {from: [user, program, suser, usrName], apply: [{account: mail}]}
  data.records: {from: [rows, cnt]}
records:
  - {name: export, when: {action: export}, fields: {event.action: export}}
  - {name: other, fields: {event.action: other}}
ignore:
  - {when: {action: noise}, reason: noise}
"""

FORMATS = {
    "json": "{format: json, recognise: {keys: [time]}, inside: [payload]}",
    "csv": "{format: csv, recognise: {columns: [time, user]}, rename: {时间: time}}",
    "syslog": "{format: syslog, recognise: {matches: 'sshd'}}",
    "keyvalue": "{format: keyvalue, recognise: {contains: 'time='}}",
    "cef": "{format: cef, recognise: {contains: 'CEF:'}}",
    "leef": "{format: leef, recognise: {contains: 'LEEF:'}}",
}


def source(format_name: str, records: str = RECORDS, head: str = HEAD) -> Source:
    return compile_source("test", f"{head}\nformats:\n  - {FORMATS[format_name]}\n{records}")


def accounted(batches: Sequence[Batch]) -> None:
    """read = events + fragments + quarantined + ignored, in every batch."""
    for batch in batches:
        kept = batch.events.height + batch.fragments.height + len(batch.quarantined) + sum(batch.ignored.values())
        assert batch.read == kept


def read(reader: Source, path: Path, batch_bytes: int = 2**24, limits: Limits | None = None) -> list[Batch]:
    """All batches of a file, accounted for; what a refusal leaves is kept."""
    batches: list[Batch] = []
    with suppress(Refused):
        batches.extend(reader.batches(path, batch_bytes=batch_bytes, limits=limits or Limits()))
    accounted(batches)
    return batches
