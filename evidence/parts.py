"""Parts of a case that was too large for one bundle: whether they are all there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evidence.pack import places_digest
from evidence.verify import Broken, Bundle


def complete(bundles: Sequence[Path]) -> str:
    """What bundles, each of which holds, are together; raises `Broken` where two do not belong together, or one tells
    otherwise of itself than another."""
    records = [_record(bundle) for bundle in bundles]
    first = records[0]
    for bundle, record in zip(bundles, records, strict=True):
        if (record["number"], record["code"], record["parts"]) != (first["number"], first["code"], first["parts"]):
            raise Broken(f"{bundle}: it is of another export than {bundles[0]}")
    missing = set(range(1, len(first["parts"]) + 1)) - {record["part"] for record in records}
    names = [first["parts"][number - 1]["file"] for number in sorted(missing)]
    whole = f"export {first['number']} of case {first['case']}"
    return f"{whole}: {', '.join(names)} not looked at" if names else f"{whole} is complete"


def _record(bundle: Path) -> dict[str, Any]:
    opened = Bundle(str(bundle), print)
    opened.open()
    record = json.loads(opened.read("data/export.json"))
    tree = json.loads(opened.read("data/proof/tree.json", 1 << 30))
    alerts = sum(1 for _ in opened.pieces("data/events/leaves-0000.ndjson"))
    own = record["parts"][record["part"] - 1]
    if own["places"] != places_digest(tree["indexes"][alerts:], tree["withheld"]):
        raise Broken(f"{bundle}: it is not the part that data/export.json names")
    record["case"] = json.loads(opened.read("data/case.json"))["id"]
    return dict(record)
