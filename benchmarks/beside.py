"""rsigma, a compiled engine, put to the same rules and records as we: how long it takes, and what it finds."""

from __future__ import annotations

import resource
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import yaml

from detection.logsource import products


@dataclass(frozen=True, slots=True)
class Ran:
    """Seconds of processor that it took to read rules and records, and its matches by the rules' ids."""

    seconds: float
    matches: Counter[str]


def pipeline() -> str:
    """What our tables of log sources say, as a processing pipeline; of a category in several places the first."""
    conditions = [
        ({"product": product.product, kind: name}, part.where)
        for product in products().values()
        for kind, parts in (
            ("service", product.services),
            ("category", {name: several[0] for name, several in product.categories.items()}),
        )
        for name, part in parts.items()
        if part.where
    ]
    transformations = [
        {
            "id": f"source_{number}",
            "type": "add_condition",
            "conditions": {field: list(values) for field, values in where.items()},
            "rule_conditions": [{"type": "logsource", **{k: v for k, v in source.items() if v}}],
        }
        for number, (source, where) in enumerate(conditions)
    ]
    return yaml.safe_dump({"name": "log sources", "priority": 10, "transformations": transformations})


def run(program: Path, rules: Path, records: Sequence[bytes], folder: Path, told: Path | None) -> Ran:
    """One run; `told` is a pipeline."""
    events, found = folder / "records.jsonl", folder / "found.jsonl"
    events.write_bytes(b"\n".join(records) + b"\n")
    more = ["-p", str(told)] if told else []
    before = _used()
    with found.open("wb") as out:
        line = [str(program), "engine", "eval", "-q", "-r", str(rules), *more, "-e", f"@{events}"]
        subprocess.run(line, stdout=out, stderr=subprocess.DEVNULL, check=True)
    seconds = _used() - before
    with found.open("rb") as lines:
        return Ran(seconds, Counter(str(orjson.loads(line)["rule_id"]) for line in lines))


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
