"""What an export would let out, told before anything goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.exporting import Asked, Say, plan, scope_values
from app.wiring import House
from core.evidence import AuditEntry, Deed
from evidence.pack import PART_SIZE

AROUND = 3
"""A bundle is about so many times as large as its events' lines: raw lines and tables say the same again."""
NAMED = 50


@dataclass(slots=True, kw_only=True)
class Preview:
    """How many events go out, of which accounts, sources and with which fields; who else they name, the most often
    named first; how many are withheld and why; about how many bytes that makes, in how many parts."""

    case: str
    persons: list[str]
    alerts: int
    events: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    snapshots_withheld: int = 0
    unproven: int = 0
    bytes: int = 0
    parts: int = 1


def preview(house: House, asked: Asked, part_size: int = PART_SIZE, say: Say = lambda *_: None) -> Preview:
    """What would go out. That somebody asked is noted. Raises `Refused`, `Broken`."""
    made = plan(house, asked)
    found = Preview(
        case=made.case.id, persons=list(made.scope.persons), alerts=len({one.alert for one in made.snapshots})
    )
    for number, leaf in enumerate(made.events(), 1):
        why = made.redaction.why(leaf.content)
        if why:
            found.withheld[why] += 1
        else:
            _count(found, leaf.content, len(leaf.line))
            found.others.update(made.parties.others(leaf.content, made.scope.persons))
        if not number % 1000:
            say("reading", number, None)
    found.snapshots_withheld = len(made.hidden())
    found.unproven = made.gatherer.unproven
    found.parts = max(1, -(-found.bytes // part_size))
    about = [made.case.id, *made.scope.persons]
    scope = {name: value for name, value in scope_values(made).items() if name != "persons"}
    details = {"shown": found.events, "withheld": found.withheld.total(), "scope": scope}
    house.records.note(AuditEntry(at=datetime.now(UTC), by=asked.by, deed=Deed.PREVIEWED, about=about, details=details))
    return found


def _count(found: Preview, content: Mapping[str, object], size: int) -> None:
    found.events += 1
    found.bytes += AROUND * size
    found.accounts[str(content.get("user.account", ""))] += 1
    found.sources[str(content.get("event.dataset") or content.get("event.module", ""))] += 1
    found.fields.update(content.keys())
