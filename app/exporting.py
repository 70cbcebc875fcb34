"""Evidence of a case for whoever asks for it: what goes out, and the bundles themselves."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from app.dossier import OF_COPIES, Counted, dossier_of, latest
from app.freezing import freeze
from app.heads import keep_heads, signer_of
from app.paper import case_paper
from app.parties import Parties
from app.whichcase import case_named, persons_of
from app.wiring import House
from core.canonical import moment_or_none, moment_text
from core.case import Case
from core.errors import Refused
from core.evidence import AuditEntry, Deed, Snapshot
from core.leaf import contents
from evidence import sealing
from evidence.collect import Gatherer, Leaf
from evidence.pack import PART_SIZE, Copy, Packing
from evidence.printing import Language
from evidence.proofs import newest
from evidence.scope import Redaction, Scope
from evidence.spool import PIECE, Piece, Spool
from evidence.watermark import code_of, keep_places

KEY, COPIES, NUMBER = "watermark.key", "exports", "exports"
HOUR = len("2026-11-27T03")
Say = Callable[[str, int, int | None], object]
"""Is told what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for. `case` is an id or how it begins; no `persons`: all of the case. `redact` are fields or
    persons."""

    case: str
    by: str
    persons: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    sources: Sequence[str] = ()
    redact: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """For whom and what for, in parts of what size, how it is encrypted (to keys, by a password, or not at all), and in
    which language the report is."""

    recipient: str
    purpose: str
    part_size: int = PART_SIZE
    keys: Sequence[str] = ()
    password: str = ""
    lang: Language = "en"


@dataclass(slots=True, kw_only=True)
class Plan:
    """A case, and what of it goes out."""

    house: House
    case: Case
    asked: Asked
    scope: Scope
    snapshots: Sequence[Snapshot]
    redaction: Redaction
    parties: Parties
    gatherer: Gatherer

    def events(self) -> Iterator[Leaf]:
        return self.gatherer.case_events(self.snapshots, self.scope)

    def hidden(self) -> frozenset[str]:
        """Snapshots that name whom the case is not about."""
        return frozenset(one.id for one in self.snapshots if self.redaction.names(one.body.decode()))


def plan(house: House, asked: Asked) -> Plan:
    """What goes out, with everything frozen and signed that is there by now. Raises `Refused`, `Broken`."""
    case = case_named(house, asked.case)
    freeze(house)
    keep_heads(house)
    everybody = persons_of(house, case)
    parties = Parties.of(house)
    directory = parties.directory
    wanted = {person for text in asked.persons for person in (*parties.named(text), text)}
    if asked.persons and not wanted & set(everybody):
        raise Refused(f"the case is not about {', '.join(asked.persons)}")
    persons = [person for person in everybody if person in wanted] if asked.persons else everybody
    scope = Scope(
        persons=persons,
        spans=tuple(span for person in persons for span in directory.spans_of(person)),
        since=asked.since,
        until=asked.until,
        sources=frozenset(asked.sources),
    )
    of_persons = [one for one in house.records.snapshots(case.alerts) if one.person in persons]
    snapshots = [one for one in of_persons if scope.has_moment(_time_of(one))]
    gatherer = Gatherer(
        frozen=house.records,
        events=house.events,
        ledger=house.records,
        contents=_contents,
        size=newest(house.records).head.size,
    )
    return Plan(
        house=house,
        case=case,
        asked=asked,
        scope=scope,
        snapshots=snapshots,
        redaction=parties.redaction(asked.redact, everybody),
        parties=parties,
        gatherer=gatherer,
    )


def export(house: House, asked: Asked, delivery: Delivery, out: Path, say: Say = lambda *_: None) -> list[Path]:
    """Write the bundles of a case; returns where they are. The export has a number, and is noted before anything of it
    is there. Raises `Refused`, `Broken`."""
    if out.exists():
        raise Refused(f"{out} is there already")
    if delivery.keys:
        sealing.recipients_of(delivery.keys)
    made = plan(house, asked)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder, _spooled(made, Path(folder), delivery,
        say) as (snapshots, pieces, counted):  # fmt: skip
        dossier = dossier_of(
            made.house,
            made.parties.directory,
            made.case,
            made.scope,
            made.snapshots,
            made.redaction,
            made.hidden(),
            counted,
        )
        copy, head = _copy(made, delivery), newest(house.records)
        packing = Packing(
            dossier=dossier,
            copy=copy,
            ledger=house.records,
            head=head,
            signer=signer_of(house.config, house.records.keys()),
            snapshots=snapshots,
            report=case_paper(dossier, copy, head, counted.hours, house.calendar.zone, delivery.lang),
        )
        parts = packing.parts(pieces, delivery.part_size)
        _note(made, copy, counted, len(parts))
        keep_places(
            house.config.data / COPIES / f"{copy.number:06}", (one for piece in pieces for one in piece.indexes)
        )
        whole, written = sum(piece.size for piece in pieces), 0

        def progress(size: int) -> None:
            nonlocal written
            written += size
            say("writing", written, whole)

        paths = packing.write(parts, out, progress)
    return [_sealed(path, delivery) for path in paths]


@contextmanager
def _spooled(
    made: Plan, folder: Path, delivery: Delivery, say: Say
) -> Iterator[tuple[Piece, Sequence[Piece], Counted]]:
    """The case's leaves, written down: those of snapshots, those of events in pieces, and how many there are."""
    size = min(PIECE, max(1 << 16, delivery.part_size // 4))
    with Spool(folder, first=0) as of_snapshots, Spool(folder, size) as spool:
        for leaf in made.gatherer.snapshots(made.snapshots):
            of_snapshots.add(leaf.index, leaf.line, leaf.content)
        hours = Counter[str]()
        for number, leaf in enumerate(made.events(), 1):
            why = made.redaction.why(leaf.content)
            if why:
                spool.withhold(leaf.index, why)
            else:
                spool.add(leaf.index, leaf.line, leaf.content)
                hours[leaf.content["@timestamp"][:HOUR]] += 1
            if not number % 1000:
                say("reading", number, None)
        counted = Counted(hours=hours, withheld=dict(sorted(spool.withheld.items())), unproven=made.gatherer.unproven)
        yield of_snapshots.done()[0], spool.done(), counted


def _copy(made: Plan, delivery: Delivery) -> Copy:
    """The next export."""
    house, case = made.house, made.case
    number = _next_number(house)
    return Copy(
        number=number,
        at=datetime.now(UTC),
        by=made.asked.by,
        recipient=delivery.recipient,
        purpose=delivery.purpose,
        code=code_of(watermark_key(house), case.id, delivery.recipient, number),
        scope=scope_values(made),
        earlier=[entry for entry in house.records.audited(about=case.id) if entry.deed in OF_COPIES],
    )


def scope_values(made: Plan) -> dict[str, Any]:
    """What was asked for, without naming whom it leaves out."""
    asked = made.asked
    return {
        "persons": list(made.scope.persons),
        "since": moment_or_none(asked.since),
        "until": moment_or_none(asked.until),
        "sources": sorted(asked.sources),
        "redacted_fields": list(made.redaction.fields),
        "redacted_persons": made.redaction.persons,
    }


def _note(made: Plan, copy: Copy, counted: Counted, parts: int) -> None:
    details = {
        "number": copy.number,
        "code": copy.code,
        "recipient": copy.recipient,
        "at": moment_text(copy.at),
        "parts": parts,
        "shown": counted.shown,
        "withheld": sum(counted.withheld.values()),
    }
    about = [made.case.id, *made.scope.persons]
    entry = AuditEntry(at=copy.at, by=copy.by, deed=Deed.EXPORTED, about=about, why=copy.purpose, details=details)
    made.house.records.note(entry)


def _next_number(house: House) -> int:
    with house.records.alone(NUMBER):
        number = int(house.records.setting(NUMBER) or 0) + 1
        house.records.set_setting(NUMBER, str(number))
    return number


def watermark_key(house: House) -> bytes:
    """The key of this installation's watermarks, made where there is none."""
    file = house.config.data / KEY
    with house.records.alone(NUMBER):
        if not file.exists():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
                opened.write(secrets.token_bytes(32))
    return file.read_bytes()


def _sealed(path: Path, delivery: Delivery) -> Path:
    if delivery.keys:
        return sealing.for_recipients(path, delivery.keys)
    return sealing.by_password(path, delivery.password) if delivery.password else path


def _time_of(snapshot: Snapshot) -> datetime:
    return datetime.fromisoformat(latest([snapshot])[0]["alert"]["time"])


def _contents(frame: pl.DataFrame) -> Iterator[bytes]:
    return (content.encode() for content in contents(frame))
