"""A backup back into an empty place: nothing of it is visible before all of it is known to be whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from app.backup import CONFIGURATION, ELSEWHERE, FOLDERS, FORMAT, HERE, KEY_FILES, KEYS, RECORDS, Manifest
from app.config import Config
from core.errors import Refused
from core.evidence import AuditEntry, Deed
from evidence.sealing import opening
from store.archive import MANIFEST, Part, parts
from store.records.audit import note_in
from store.records.database import Database
from store.records.dumping import LARGEST, Piece, load, unpacked

AGE = b"age-encryption.org/"
HOUSE, ROWS = "house", "rows"
KEPT_CONFIGURATION = "configuration-of-backup.json"
PIECE = re.compile(r"records/\d{6}-([a-z_]{1,60})\.jsonl(\.gz)?")
SEALED = re.compile(r"events/[0-9a-f]{32}\.(parquet|npy)")
LARGEST_MANIFEST = 256 << 20


def restore(config: Config, file: Path, *, by: str, identity: Path | None = None) -> Manifest:
    """Bring a backup back into the data directory, which must not be there or be empty, and the records into the empty
    database that the configuration names. Raises `Refused` where that is not so, or the backup is not whole; then
    nothing has changed. Killed half-way it leaves a folder beside the data directory that the next one takes away."""
    data = config.data.absolute()
    if data.is_symlink() or (data.exists() and (not data.is_dir() or any(data.iterdir()))):
        raise Refused(f"{config.data} is not empty: a backup is brought back into a new data directory")
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        with _staging(data) as stage, _opened(file, identity) as source:
            manifest = _take(source, stage)
            _check(config, manifest)
            _place(config, manifest, stage, data, by)
    except OSError as error:
        raise Refused(f"{file} cannot be restored into {config.data}: {error}") from None
    return manifest


@contextmanager
def _staging(data: Path) -> Iterator[Path]:
    """A folder beside the data directory, of nobody else, gone afterwards."""
    stage = data.with_name(f".{data.name}.restoring")
    stage.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Refused(f"somebody else is restoring into {data}") from None
    try:
        for left in stage.iterdir():
            shutil.rmtree(left)
        for name in (HOUSE, ROWS):
            (stage / name).mkdir(mode=0o700)
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        os.close(handle)


@contextmanager
def _opened(file: Path, identity: Path | None) -> Iterator[IO[bytes]]:
    with file.open("rb") as raw:
        encrypted = raw.read(len(AGE)) == AGE
        raw.seek(0)
        if encrypted and identity is None:
            raise Refused(f"{file} is encrypted: name the file with the key that opens it, by --identity")
        with opening(raw, identity) if encrypted and identity else nullcontext(raw) as source:
            yield source


def _take(source: IO[bytes], stage: Path) -> Manifest:
    """Lay the parts down where nobody looks, each compared with what the manifest at the end says."""
    found: list[Part] = []
    manifest: Manifest | None = None
    for name, size, content in parts(source):
        if manifest is not None:
            raise Refused(f"{name!r} comes after the manifest, which says nothing of it")
        if name == MANIFEST:
            manifest = _manifest(size, content)
            continue
        target = _target(stage, name)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            for some in content:
                digest.update(some)
                out.write(some)
            out.flush()
            os.fsync(out.fileno())
        found.append(Part(name=name, size=size, sha256=digest.hexdigest()))
    if manifest is None:
        raise Refused("the backup has no manifest: it was cut short")
    for own, told in zip(found, manifest.parts, strict=False):
        if own != told:
            raise Refused(f"{own.name} is not what was backed up: its digest, size or place differs")
    if len(found) != len(manifest.parts):
        raise Refused(f"the backup has {len(found)} parts and should have {len(manifest.parts)}")
    return manifest


def _manifest(size: int, content: Iterator[bytes]) -> Manifest:
    if size > LARGEST_MANIFEST:
        raise Refused("the backup's manifest is too large to be one")
    try:
        manifest = TypeAdapter(Manifest).validate_json(b"".join(content))
    except ValidationError as error:
        raise Refused(f"the backup's manifest is none: {error.errors()[0]['msg']}") from None
    if manifest.format != FORMAT:
        raise Refused(f"the backup has format {manifest.format}; this leaverwatch reads {FORMAT}")
    return manifest


def _target(stage: Path, name: str) -> Path:
    """Where a part goes. `store.archive` has seen to it that no name leads elsewhere."""
    top, _, rest = name.partition("/")
    if PIECE.fullmatch(name):
        return stage / ROWS / rest
    if SEALED.fullmatch(name) or (top in FOLDERS and rest):
        return stage / HOUSE / name
    if top == KEYS and rest in KEY_FILES:
        return stage / HOUSE / rest
    if name == CONFIGURATION:
        return stage / HOUSE / KEPT_CONFIGURATION
    raise Refused(f"{name!r} is nothing that a backup has")


def _check(config: Config, manifest: Manifest) -> None:
    elsewhere = bool(config.cluster.elasticsearch.get_secret_value())
    if manifest.events == HERE and elsewhere:
        raise Refused(
            "the backup holds its events itself: restore it without [cluster] elasticsearch, then move it by `migrate`"
        )
    if manifest.events == ELSEWHERE and not elsewhere:
        raise Refused("the backup's events lie in Elasticsearch: name it in [cluster] elasticsearch")


def _place(config: Config, manifest: Manifest, stage: Path, data: Path, by: str) -> None:
    house = stage / HOUSE
    address = config.cluster.records(house)
    details = {"backup": manifest.at, "of": manifest.by, "version": manifest.version}
    entry = AuditEntry(at=datetime.now(UTC), by=by, deed=Deed.RESTORED, about=(), details=details)
    moved = not address.startswith("sqlite")

    def also(connection: Connection, rows: Mapping[str, int]) -> None:
        if rows != manifest.rows:
            raise Refused("the backup has other rows than its manifest says")
        note_in(connection, entry)
        if moved:
            # A server's transaction ends last: what lies here without it is known to belong to other records.
            _move(house, data)

    try:
        with closing(Database(address)) as database:
            load(database, manifest.shape, _pieces(stage / ROWS, manifest), also)
    except BaseException:
        if moved and data.exists():
            shutil.rmtree(data)
        raise
    if not moved:
        _move(house, data)


def _move(house: Path, data: Path) -> None:
    os.sync()
    try:
        house.rename(data)
    except OSError as error:
        raise Refused(f"{data} cannot be put in place ({error.strerror}): name a folder that is not mounted") from None
    handle = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _pieces(folder: Path, manifest: Manifest) -> Iterator[Piece]:
    for part in manifest.parts:
        known = PIECE.fullmatch(part.name)
        if known is None:
            continue
        if part.size > LARGEST:
            raise Refused(f"{part.name} is larger than pieces of records are")
        data = (folder / part.name.removeprefix(f"{RECORDS}/")).read_bytes()
        data = unpacked(data) if known[2] else data
        yield Piece(table=known[1], rows=data.count(b"\n"), data=data, packed=False)
