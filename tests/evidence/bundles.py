"""A small case with a ledger, and bundles of it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.canonical import content_id, moment_text
from core.evidence import AuditEntry, Deed, Snapshot
from core.merkle import Node, leaf_hash, node_hash, split
from core.ports import EventQuery
from core.proof import Placed, SignedHead, SigningKey, Token, TreeHead, canonical, leaf_of
from core.schema import SCHEMA, conform
from evidence.bag import Signer, bagged, file_of, write
from evidence.collect import Gatherer
from evidence.pack import Copy, Dossier, Packing
from evidence.proofs import newest
from evidence.scope import Redaction, Scope
from evidence.spool import Spool
from store.frames import Narrow
from store.scanned import Scanned

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ALWAYS, NEVER = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
RULE = b"title: Mass export\n"


class Key:
    """A key of the ledger, always the same of the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.public()).hexdigest()

    def after(self, before: Key | None, since: datetime = START) -> SigningKey:
        if before is None:
            return SigningKey(public=self.public(), since=since)
        unsigned = SigningKey(public=self.public(), since=since, before=before.fingerprint)
        return replace(unsigned, signature=before.sign(unsigned.statement()))


@dataclass
class TreeLedger:
    """`core.proof.LedgerReader` over leaves in memory."""

    leaves: list[bytes] = field(default_factory=list)
    places: dict[str, Placed] = field(default_factory=dict)
    signed: list[SignedHead] = field(default_factory=list)
    known: list[SigningKey] = field(default_factory=list)
    algorithms: tuple[str, ...] = ("sha256",)
    made: dict[tuple[Node, str], bytes] = field(default_factory=dict)

    def append(self, name: str, content: bytes) -> None:
        salt = hashlib.sha256(name.encode()).digest()[:16]
        self.places[name] = Placed(index=len(self.leaves), salt=salt)
        self.leaves.append(leaf_of(content, salt))

    def head(self, key: Key, at: datetime, tokens: Sequence[Token] = ()) -> SignedHead:
        size = len(self.leaves)
        roots = {name: self.node((0, size), name).hex() for name in self.algorithms}
        head = TreeHead(log="test", size=size, roots=roots, at=at)
        found = SignedHead(head=head, key=key.fingerprint, signature=key.sign(head.statement()), tokens=tokens)
        self.signed.append(found)
        return found

    def size(self) -> int:
        return len(self.leaves)

    def placed(self, ids: Sequence[str]) -> Mapping[str, Placed]:
        return {name: self.places[name] for name in ids if name in self.places}

    def node(self, node: Node, algorithm: str = "sha256") -> bytes:
        if (node, algorithm) not in self.made:

            def digest(data: bytes) -> bytes:
                return hashlib.new(algorithm, data).digest()

            if node[1] - node[0] == 1:
                made = leaf_hash(self.leaves[node[0]], digest)
            else:
                middle = split(node)
                halves = self.node((node[0], middle), algorithm), self.node((middle, node[1]), algorithm)
                made = node_hash(*halves, digest)
            self.made[node, algorithm] = made
        return self.made[node, algorithm]

    def heads(self) -> Sequence[SignedHead]:
        return sorted(self.signed, key=lambda one: (one.head.size, one.head.at))

    def keys(self) -> Sequence[SigningKey]:
        return self.known


class Stored(Scanned):
    """`core.ports.EventReader` over a frame."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def _scan_events(self, query: EventQuery, narrow: Narrow) -> pl.DataFrame:
        return narrow(self.frame.lazy()).collect()


class Kept:
    """`core.evidence.Frozen` in memory."""

    def __init__(self, snapshots: Sequence[Snapshot], events: Mapping[str, bytes]) -> None:
        self._snapshots, self._events = snapshots, events

    def snapshots(self, alerts: Sequence[str]) -> Sequence[Snapshot]:
        return [one for one in self._snapshots if one.alert in alerts]

    def frozen_events(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return ((one, self._events[one]) for one in ids if one in self._events)

    def frozen_text(self, sha256: str) -> bytes | None:
        return RULE if sha256 == hashlib.sha256(RULE).hexdigest() else None


def contents(frame: pl.DataFrame) -> list[bytes]:
    rows = frame.select(pl.exclude("rule.matched")).iter_rows(named=True)
    return [
        canonical({n: moment_text(v) if isinstance(v, datetime) else v for n, v in row.items() if v is not None})
        for row in rows
    ]


def an_event(number: int, account: str = "login:li.na", **more: Any) -> dict[str, Any]:
    made = {
        "@timestamp": START + timedelta(minutes=number),
        "event.id": content_id("event", account, str(number)),
        "event.action": "export",
        "event.module": "salesforce",
        "event.dataset": "salesforce.report",
        "event.original": f'{{"user": "{account}", "number": {number}}}',
        "event.sequence": number,
        "user.account": account,
    }
    return made | {name.replace("__", "."): value for name, value in more.items()}


EVENTS = [
    *(an_event(number, data__records=number) for number in range(6)),
    an_event(6, email__subject="=cmd|' /C calc'!A0", file__name="客户名单.xlsx"),
    an_event(7, email__to__address="wang.wei@corp.example", event__original='{"to": "wang.wei@corp.example"}'),
    *(an_event(number, "login:wang.wei") for number in range(8, 12)),
    an_event(12, event__module="windows", event__dataset="windows.security"),
]


def a_snapshot(alert: str, events: Sequence[str], person: str = "1001", name: str = "li.na", **more: Any) -> Snapshot:
    term = {"name": "mass_export", "points": 40.0, "messages": {"en": "mass_export +40", "zh": "mass_export +40"}}
    values = {
        "alert": {
            "id": alert, "title": "Mass export", "time": moment_text(START), "severity": "high", "score": 40.0,
            "messages": {"en": f"{name} exported 12,000 records", "zh": f"{name} 导出 12,000 条记录"},
            "terms": [term], "why": "", "person": person,
        },
        "rule": {"id": "mass_export", "sha256": hashlib.sha256(RULE).hexdigest(), "on": []},
        "model": None,
        "person": {"id": person},
        "sources": [],
        "events": list(events),
    }  # fmt: skip
    body = canonical(values | more)
    return Snapshot(id=hashlib.sha256(body).hexdigest(), alert=alert, person=person, at=START, body=body)


def entries(count: int = 3) -> list[AuditEntry]:
    made: list[AuditEntry] = []
    for number in range(count):
        before = made[-1].digest if made else "0" * 64
        entry = AuditEntry(
            at=START + timedelta(hours=number), by="sec", deed=Deed.SAW, about=("case",), why="triage",
            number=number, before=before,
        )  # fmt: skip
        values = {
            "about": ["case"], "at": moment_text(entry.at), "before": before, "by": "sec", "deed": "saw", "details": {},
            "number": number, "why": "triage",
        }  # fmt: skip
        made.append(replace(entry, digest=hashlib.sha256(canonical(values)).hexdigest()))
    return made


@dataclass
class Story:
    """All that a case's bundle is made of."""

    ledger: TreeLedger
    store: Stored
    frozen: Kept
    snapshots: Sequence[Snapshot]
    signer: Key

    def scope(self, **more: Any) -> Scope:
        spans = (("login:li.na", ALWAYS, NEVER),)
        return Scope(**{"persons": ("1001",), "spans": spans} | more)


def a_story(events: Sequence[Mapping[str, Any]] = EVENTS, algorithms: tuple[str, ...] = ("sha256",)) -> Story:
    key, ledger = Key(), TreeLedger(algorithms=algorithms)
    ledger.known.append(key.after(None))
    frame = conform(pl.DataFrame(list(events), schema_overrides=SCHEMA, infer_schema_length=None))
    made = dict(zip(frame["event.id"], contents(frame), strict=True))
    for place, (name, content) in enumerate(made.items()):
        ledger.append(name, content)
        if place == 3:
            ledger.head(key, START + timedelta(minutes=30))
    snapshots = [a_snapshot("a1", [events[1]["event.id"], events[0]["event.id"]])]
    for one in snapshots:
        ledger.append(one.id, canonical({"alert": one.alert, "snapshot": one.id}))
    ledger.head(key, START + timedelta(hours=1))
    first = {events[place]["event.id"]: made[events[place]["event.id"]] for place in (0, 1)}
    return Story(ledger, Stored(frame), Kept(snapshots, first), snapshots, key)


def a_copy(**more: Any) -> Copy:
    values: dict[str, Any] = {"number": 1, "at": START, "by": "legal", "recipient": "court", "purpose": "proceedings"}
    return Copy(**values | {"code": "0" * 16, "scope": {}} | more)


def packed(
    story: Story, out: Path, *, copy: Copy | None = None, redaction: Redaction | None = None, piece: int = 1 << 20,
    most: int = 1 << 30, hidden: frozenset[str] = frozenset(), own: frozenset[str] = frozenset({"case"}), **scope: Any,
) -> list[Path]:  # fmt: skip
    """Bundles of the story's case."""
    redaction, head = redaction or Redaction(), newest(story.ledger)
    gatherer = Gatherer(
        frozen=story.frozen, events=story.store, ledger=story.ledger, contents=contents, size=head.head.size
    )
    folder = out.parent / f"spool-{out.name}"
    folder.mkdir()
    with Spool(folder, first=0) as of_snapshots, Spool(folder, piece) as spool:
        for leaf in gatherer.snapshots(story.snapshots):
            of_snapshots.add(leaf.index, leaf.line, leaf.content)
        for leaf in gatherer.case_events(story.snapshots, story.scope(**scope)):
            why = redaction.why(leaf.content)
            if why:
                spool.withhold(leaf.index, why)
            else:
                spool.add(leaf.index, leaf.line, leaf.content)
        pieces, (snapshots,) = spool.done(), of_snapshots.done()
    case = {"id": "case", "state": "new", "opened": moment_text(START), "persons": [{"id": "1001", "name": "李娜"}]}
    dossier = Dossier(
        case=case | {"left_out": {"withheld": dict(spool.withheld)}}, account={"en": "# Case\n", "zh": "# 案件\n"},
        favour={}, coverage={}, custody=entries(), own=own, hidden=hidden, snapshots=story.snapshots,
        texts={f"data/rules/{hashlib.sha256(RULE).hexdigest()}.yml": RULE},
    )  # fmt: skip
    packing = Packing(
        dossier=dossier, copy=copy or a_copy(), ledger=story.ledger, head=head, signer=story.signer, snapshots=snapshots
    )
    return packing.write(packing.parts(pieces, most), out)


def unpacked(bundle: Path) -> dict[str, bytes]:
    """The files of a bundle."""
    with zipfile.ZipFile(bundle) as container:
        return {name: container.read(name) for name in container.namelist()}


def resealed(files: Mapping[str, bytes], out: Path, signer: Signer | None = None) -> Path:
    """A bundle of other files, with lists and a signature that hold: what only the ledger's owner could make."""
    payload = [file_of(name, data) for name, data in files.items() if name.startswith("data/")]
    whole = bagged(sorted(payload, key=lambda file: file.name), {}, signer or Key())
    with out.open("wb") as file:
        write(whole, file)
    return out
