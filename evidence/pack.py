"""Bundles of a case: its files in bags, each of which proves what it shows without the others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from math import log2
from pathlib import Path
from typing import Any

from core.canonical import moment_text
from core.errors import Refused
from core.evidence import AuditEntry, Snapshot
from core.proof import LedgerReader, SignedHead, canonical
from evidence import proofs, uco
from evidence.bag import File, Signer, bagged, file_of, write
from evidence.spool import Piece

PART_SIZE = 2 << 30
LARGEST_PART = 3 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that a case's bundles hold besides events. `account` is in plain words, by language (Markdown); `texts` are
    those of rules and models by their names there; of `hidden` snapshots only the leaf is shown. Entries of the audit
    log about others than `own` are shown without what they are about."""

    case: Mapping[str, Any]
    account: Mapping[str, str]
    favour: Mapping[str, Any]
    coverage: Mapping[str, Any]
    custody: Sequence[AuditEntry]
    snapshots: Sequence[Snapshot]
    texts: Mapping[str, bytes]
    hidden: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The export: what differs between two copies of the same case. `code` is the watermark's, `earlier` tells of the
    copies before."""

    number: int
    at: datetime
    by: str
    recipient: str
    purpose: str
    code: str
    scope: Mapping[str, Any]
    earlier: Sequence[AuditEntry] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Makes the bundles of a case. `snapshots` is the piece of their leaves, which every part has."""

    dossier: Dossier
    copy: Copy
    ledger: LedgerReader
    head: SignedHead
    signer: Signer
    snapshots: Piece
    report: bytes | None = None
    _fixed: list[File] = field(default_factory=list)

    def parts(self, pieces: Sequence[Piece], most: int = PART_SIZE) -> list[list[Piece]]:
        """Pieces by the part they go into, so that none is larger than asked for, as far as one piece fits. Raises
        `Refused` where no program could open such a part."""
        if most > LARGEST_PART:
            raise Refused(f"a part has {LARGEST_PART >> 30} GiB at most, or it cannot be opened everywhere")
        same = sum(file.size for file in self._same()) + sum(map(len, (self.report or b"",))) + self.snapshots.size
        parts: list[list[Piece]] = [[]]
        size = same
        for piece in pieces:
            own = piece.size + _proof_size(len(piece.indexes) + len(piece.withheld), self.head)
            if parts[-1] and size + own > most:
                parts.append([])
                size = same
            parts[-1].append(piece)
            size += own
        return parts

    def write(
        self, parts: Sequence[Sequence[Piece]], out: Path, progress: Callable[[int], object] = lambda _: None
    ) -> list[Path]:
        """Write the bundles: one at `out`, or several beside it with their numbers in their names. Each appears whole
        or not at all."""
        names = [out if len(parts) == 1 else out.with_name(f"{out.stem}-{n}-of-{len(parts)}{out.suffix}")
                 for n in range(1, len(parts) + 1)]  # fmt: skip
        listed = [_listed(path.name, pieces) for path, pieces in zip(names, parts, strict=True)]
        for number, (path, pieces) in enumerate(zip(names, parts, strict=True), 1):
            info = {
                "External-Identifier": str(self.dossier.case["id"]),
                "Internal-Sender-Identifier": "leaverwatch",
                "Bag-Count": f"{number} of {len(parts)}",
            }
            payload = self._payload(number, listed, [self.snapshots, *pieces])
            part = path.with_name(f"{path.name}.part")
            try:
                with part.open("xb") as file:
                    write(bagged(payload, info, self.signer), file, progress)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            except FileExistsError:
                raise Refused(f"{part} is there already: another export writes it, or one was stopped") from None
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        return names

    def _payload(self, number: int, listed: Sequence[Mapping[str, Any]], pieces: Sequence[Piece]) -> list[File]:
        indexes = [index for piece in pieces for index in piece.indexes]
        withheld = [index for piece in pieces for index in piece.withheld]
        events = [file for piece in pieces for file in piece.files]
        copy = self.copy
        record = {
            "at": moment_text(copy.at),
            "by": copy.by,
            "code": copy.code,
            "earlier": [entry_values(entry, self.dossier.own) for entry in copy.earlier],
            "number": copy.number,
            "part": number,
            "parts": listed,
            "purpose": copy.purpose,
            "recipient": copy.recipient,
            "scope": copy.scope,
        }
        files = [
            *self._same(),
            *events,
            _json("data/export.json", record),
            _json("data/case-uco.jsonld", uco.graph(self.dossier.case, self.dossier.custody, events)),
            proofs.tree(self.ledger, self.head, indexes, withheld),
            *proofs.heads(self.ledger, self.head, [*indexes, *withheld]),
            proofs.keys(self.ledger),
        ]
        return files + ([file_of("data/report.pdf", self.report)] if self.report else [])

    def _same(self) -> list[File]:
        """The files that are the same in every part."""
        if not self._fixed:
            dossier = self.dossier
            custody = b"".join(canonical(entry_values(entry, dossier.own)) + b"\n" for entry in dossier.custody)
            self._fixed.extend(
                [
                    _json("data/case.json", dossier.case),
                    _json("data/favour.json", dossier.favour),
                    _json("data/coverage.json", dossier.coverage),
                    file_of("data/custody.ndjson", custody),
                    *(file_of(f"data/account.{lang}.md", text.encode()) for lang, text in dossier.account.items()),
                    *(
                        file_of(f"data/alerts/{one.alert}-{one.id}.json", one.body)
                        for one in dossier.snapshots
                        if one.id not in dossier.hidden
                    ),
                    *(file_of(name, text) for name, text in dossier.texts.items()),
                ]
            )
        return self._fixed


def entry_values(entry: AuditEntry, own: frozenset[str]) -> dict[str, Any]:
    """An entry of the audit log as its digest is made of it, with the digest; where it is about others too, who did
    what when, and the digest of the whole as `withheld`."""
    values = {
        "about": list(entry.about),
        "at": moment_text(entry.at),
        "before": entry.before,
        "by": entry.by,
        "deed": entry.deed.value,
        "details": dict(entry.details),
        "digest": entry.digest,
        "number": entry.number,
        "why": entry.why,
    }
    if own.issuperset(entry.about):
        return values
    kept = {name: values[name] for name in ("at", "before", "by", "deed", "digest", "number", "why")}
    return kept | {"withheld": entry.digest}


def places_digest(indexes: Sequence[int], withheld: Sequence[int]) -> str:
    """What a part is known by in the others."""
    return hashlib.sha256(canonical({"indexes": list(indexes), "withheld": sorted(withheld)})).hexdigest()


def _listed(name: str, pieces: Sequence[Piece]) -> dict[str, Any]:
    indexes = list(chain.from_iterable(piece.indexes for piece in pieces))
    withheld = list(chain.from_iterable(piece.withheld for piece in pieces))
    digest = places_digest(indexes, withheld)
    return {"events": len(indexes), "file": name, "places": digest, "withheld": len(withheld)}


def _json(name: str, values: Mapping[str, Any]) -> File:
    return file_of(name, canonical(values) + b"\n")


def _proof_size(leaves: int, head: SignedHead) -> int:
    """About so many bytes of a part are the proof of its leaves."""
    nodes = leaves * max(1.0, log2(head.head.size / leaves)) if leaves else 0
    return int(nodes * 64 * len(head.head.roots) + leaves * 12)
