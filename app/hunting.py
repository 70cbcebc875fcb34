"""Rules put to vendors' records in files, without a store; and a folder of rules held against what we can run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

from core.errors import Refused, RuleError
from detection.engine import Engine
from detection.looking import flattened, judged, text_of
from detection.node import Node
from detection.reading import Found, documents, parsed_rules
from detection.logsource import in_records
from detection.rule import event_rule, is_vendors, name_of
from ingest.evtx import split_evtx
from ingest.jsonsplit import split_json
from ingest.reading import Limits, Reading
from ingest.splitting import Bad

AT_ONCE = 10_000
TIMES = ("UtcTime", "TimeCreated_SystemTime", "@timestamp", "CreationTime", "EventTime", "published", "eventTime", "time", "timestamp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A rule and a record it matches; `record` counts the file's records from 1."""

    rule: str
    id: str
    title: str
    level: str
    file: str
    record: int
    time: str | None
    event: Any
