"""The table of formats a `source.yml` may name. A format of one's own is a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from ingest import enrich_cert, enrich_windows, join_postfix
from ingest.csvrows import csv_decoder
from ingest.decode import Format
from ingest.evtx import evtx_decoder, split_evtx
from ingest.jsonlines import json_decoder
from ingest.jsonsplit import spans_lines, split_json
from ingest.splitting import split_csv, split_lines
from ingest.textlines import cef_decoder, keyvalue_decoder, leef_decoder, syslog_decoder
from ingest.xmlevents import split_xml, xml_decoder

FORMATS: Mapping[str, Format] = {
    "json": Format(split_json, json_decoder, utf8_first=spans_lines),
    "csv": Format(split_csv, csv_decoder),
    "syslog": Format(split_lines, syslog_decoder),
    "keyvalue": Format(split_lines, keyvalue_decoder),
    "cef": Format(split_lines, cef_decoder),
    "leef": Format(split_lines, leef_decoder),
    "xml": Format(split_xml, xml_decoder),
    "evtx": Format(split_evtx, evtx_decoder, binary=True),
}

ENRICH: Mapping[str, Callable[[pl.DataFrame, int], pl.DataFrame]] = {
    "cert_mail": enrich_cert.enrich,
    "windows": enrich_windows.enrich,
}
JOINS: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {"postfix": join_postfix.assemble}
