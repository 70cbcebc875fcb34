"""What is wrong with the ledger and with what is stored against it, each finding in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from app.doctor import Finding
from app.heads import trusted
from app.wiring import House, let_go
from core.auditing import PAGE
from core.evidence import FROZEN, Deed
from evidence.checking import check
from evidence.examining import SHOWN, Examined, Wrong, examine
from evidence.freezing import examine_frozen
from evidence.heads import read_exported


def examine_ledger(house: House, heads: Path | None = None) -> Iterator[Finding]:
    """The ledger against its heads, those exported elsewhere too, and every stored event against the ledger."""
    checked = check(house.records, trusted(house.config), datetime.now(UTC), read_exported(heads) if heads else None)
    told = f"{checked.leaves:,} leaves, {checked.heads:,} heads and {checked.tokens:,} time stamps hold"
    yield Finding("ledger", not checked.problems, told)
    for problem in checked.problems:
        yield Finding("ledger", False, problem)
    for note in checked.notes:
        yield Finding("ledger", True, note)
    house.events.catch_up()
    with TemporaryDirectory(dir=house.config.data) as folder:
        found = examine(house.records, house.events.stored, lambda: let_go(house.records), Path(folder))
    whole = not found.counts and not found.damaged
    yield Finding("evidence", whole, _summary(found))
    for damaged in found.damaged:
        yield Finding("evidence", False, damaged)
    for wrong in found.wrong:
        yield Finding("evidence", False, _sentence(wrong))
    frozen = list(islice(examine_frozen(house.records, _erased(house)), SHOWN + 1))
    if not frozen:
        yield Finding("frozen", True, "everything that was frozen is as it was")
    for problem in frozen[:SHOWN]:
        yield Finding("frozen", False, problem)
    if len(frozen) > SHOWN:
        yield Finding("frozen", False, f"and more than {SHOWN} others")


def _erased(house: House) -> Iterator[str]:
    """Snapshots of persons who were erased, as the audit log says."""
    last = -1
    while some := house.records.audited(after=last, most=PAGE):
        for entry in some:
            if entry.deed is Deed.ERASED:
                yield from entry.details.get(FROZEN, ())
        last = some[-1].number


def _summary(found: Examined) -> str:
    wrong = "".join(f", {count:,} {how.value}" for how, count in sorted(found.counts.items()))
    expired = f", {found.expired:,} expired" if found.expired else ""
    without = f", {found.without:,} from before there was a ledger" if found.without else ""
    under_way = f", {found.under_way:,} being stored" if found.under_way else ""
    return f"{found.events:,} events against their leaves{expired}{without}{under_way}{wrong}"


def _sentence(wrong: Wrong) -> str:
    source = f" of {wrong.source}" if wrong.source else ""
    time = f" at {wrong.time}" if wrong.time else ""
    return f"event {wrong.id}{source}{time}: {wrong.how.value}"
