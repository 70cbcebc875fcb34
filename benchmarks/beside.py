"""rsigma, a compiled engine, put to the same rules and records as we: how long it takes, and what it finds."""

from __future__ import annotations

import resource
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import yaml
from sigma.rule import SigmaLogSource

from detection.logsource import Part, products


@dataclass(frozen=True, slots=True)
class Ran:
    """Seconds of processor that it took to read rules and records, and its matches by the rules' ids."""

    seconds: float
    matches: Counter[str]


def pipeline(place: int = 0, *, renamed: bool = False) -> str:
    """What our tables of log sources say, as a processing pipeline. It can name one place for a category, we several:
    the one of this number, where there is one, else the last. `renamed`: also what fields are called there, which costs
    rsigma most of its speed."""
    steps: list[dict[str, object]] = []
    for product in products().values():
        for kind, tables in (("category", product.categories), ("service", product.services)):
            for name, parts in tables.items():
                source = {"type": "logsource", "product": product.product, kind: name}
                meant = [{key: value for key, value in source.items() if value}]
                part = parts if isinstance(parts, Part) else parts[min(place, len(parts) - 1)]
                mapping = _plain(product.fields | part.fields) if renamed else {}
                where = {field: list(values) for field, values in part.where.items()}
                steps += (
                    [{"type": "field_name_mapping", "mapping": mapping, "rule_conditions": meant}] if mapping else []
                )
                steps += [{"type": "add_condition", "conditions": where, "rule_conditions": meant}] if where else []
    named = [{"id": f"step_{number}", **step} for number, step in enumerate(steps)]
    return yaml.safe_dump({"name": "log sources", "priority": 10, "transformations": named}, sort_keys=False)


def places(source: SigmaLogSource) -> int:
    """In how many places a log source's records may be."""
    product = products().get(source.product or "")
    return len(product.categories.get(source.category or "", (None,))) if product else 1


def _plain(names: Mapping[str, Sequence[str]]) -> dict[str, str | list[str]]:
    return {name: several[0] if len(several) == 1 else list(several) for name, several in names.items()}


def run(program: Path, rules: Path, records: Sequence[bytes], folder: Path, sources: str | None) -> Ran:
    """One run, with a processing pipeline."""
    events, found = folder / "records.jsonl", folder / "found.jsonl"
    events.write_bytes(b"\n".join(records) + b"\n")
    more: list[str] = []
    if sources:
        (folder / "sources.yml").write_text(sources, encoding="utf-8")
        more = ["-p", str(folder / "sources.yml")]
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
