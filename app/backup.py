"""A backup: one file with everything that cannot be made again, as it was at one moment, whoever writes meanwhile."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from pydantic import BaseModel, SecretStr

from app.config import Config
from app.entrance import KEY as ACCESS_KEY
from app.wiring import records_of
from core.canonical import moment_text
from core.errors import ConfigError, Refused
from core.evidence import AuditEntry, Deed
from evidence.sealing import sealing
from store.archive import MANIFEST, Part, add, end
from store.folder import Folder
from store.records import SqlRecords
from store.records.database import HEAD
from store.records.dumping import snapshot

FORMAT = 1
RECORDS, EVENTS, KEYS = "records", "events", "keys"
FOLDERS = ("models", "rules", "reports", "exports")
"""What else of the data directory cannot be made again."""
RECORDS_KEY = "records.key"
KEY_FILES = ("ledger.key", "ledger.key.next", "watermark.key", ACCESS_KEY, RECORDS_KEY)
CONFIGURATION = "configuration.json"
HERE, ELSEWHERE = "here", "elasticsearch"
NOT_SHOWN: Mapping[str, frozenset[str]] = {"evidence": frozenset({"signer"})}
"""Keys of the configuration that may be secrets though they are plain text."""


@dataclass(kw_only=True)
class Manifest:
    """What a backup holds. `events` is `here` or where they are backed up by their own means."""

    format: int = FORMAT
    version: str
    shape: str
    at: str
    by: str
    events: str
    keys: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def count(self, folder: str) -> int:
        return sum(part.name.startswith(f"{folder}/") for part in self.parts)


def back_up(
    config: Config,
    out: Path,
    *,
    by: str,
    with_keys: bool = False,
    recipients: tuple[str, ...] = (),
    progress: Callable[[Part], None] = lambda _: None,
) -> Manifest:
    """Write a backup into a file that is not there yet, encrypted where recipients are named. Raises `Refused` where it
    is, `ConfigError` where there is nothing to back up."""
    elsewhere = bool(config.cluster.elasticsearch.get_secret_value())
    if not config.cluster.postgresql.get_secret_value() and not (config.data / "records.db").exists():
        raise ConfigError(f"nothing lies in {config.data}: there is nothing to back up")
    if out.exists():
        raise Refused(f"{out} is there already: a backup is written into a new file")
    part = out.with_name(f".{out.name}.{uuid4().hex}.part")
    try:
        with ExitStack() as stack:
            records = stack.enter_context(closing(records_of(config)))
            file = stack.enter_context(os.fdopen(_new(part), "wb"))
            with sealing(file, recipients) if recipients else nullcontext(file) as sink:
                manifest = Manifest(
                    version=version("leaverwatch"),
                    shape=HEAD,
                    at=moment_text(datetime.now(UTC)),
                    by=by,
                    events=ELSEWHERE if elsewhere else HERE,
                )
                _write(config, records, sink, manifest, with_keys, progress)
            file.flush()
            os.fsync(file.fileno())
            os.link(part, out)
            details = {"parts": len(manifest.parts), "keys": manifest.keys, "encrypted": bool(recipients)}
            records.note(AuditEntry(at=datetime.now(UTC), by=by, deed=Deed.BACKED_UP, about=(), details=details))
    except FileExistsError:
        raise Refused(f"{out} is there already: a backup is written into a new file") from None
    except OSError as error:
        raise Refused(f"the backup {out} cannot be written: {error}") from None
    finally:
        part.unlink(missing_ok=True)
    return manifest


def _write(
    config: Config,
    records: SqlRecords,
    out: IO[bytes],
    manifest: Manifest,
    with_keys: bool,
    progress: Callable[[Part], None],
) -> None:
    def put(name: str, size: int, data: IO[bytes]) -> None:
        manifest.parts.append(add(out, name, size, data))
        progress(manifest.parts[-1])

    with ExitStack() as stack:
        folder = config.data / EVENTS
        if manifest.events == HERE:
            # Before the records are looked at, so that no file that they list goes until it is here.
            stack.enter_context(Folder(folder).reading())
        files: list[str] = []
        with snapshot(records.database) as taken:
            files = taken.files() if manifest.events == HERE else []
            for number, piece in enumerate(taken.pieces()):
                name = f"{RECORDS}/{number:06}-{piece.table}.jsonl{'.gz' if piece.packed else ''}"
                put(name, len(piece.data), io.BytesIO(piece.data))
                manifest.rows[piece.table] = manifest.rows.get(piece.table, 0) + piece.rows
        named = [(f"{EVENTS}/{file}", folder / file) for file in sorted(files)]
        named += list(_folders(config))
        if with_keys:
            lying = {name: config.data / name for name in KEY_FILES} | {RECORDS_KEY: config.records_key}
            keys = [(f"{KEYS}/{name}", file) for name, file in lying.items() if file and file.is_file()]
            named += keys
            manifest.keys = [name.removeprefix(f"{KEYS}/") for name, _ in keys]
        for name, file in named:
            with file.open("rb") as data:
                put(name, os.fstat(data.fileno()).st_size, data)
        text = json.dumps(without_secrets(config), indent=2, ensure_ascii=False).encode()
        put(CONFIGURATION, len(text), io.BytesIO(text))
        told = json.dumps(asdict(manifest)).encode()
        add(out, MANIFEST, len(told), io.BytesIO(told))
        end(out)


def _folders(config: Config) -> Iterator[tuple[str, Path]]:
    """Plain files of the folders that go along, by the name they get."""
    for name in FOLDERS:
        top = config.rules if name == "rules" else config.data / name
        for folder, below, files in os.walk(top) if top else ():
            below[:] = sorted(one for one in below if not one.startswith("."))
            for one in sorted(files):
                file = Path(folder, one)
                if file.is_file() and not file.is_symlink() and not one.startswith(".") and file.suffix != ".part":
                    yield f"{name}/{file.relative_to(top or folder).as_posix()}", file


def _new(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)


def without_secrets(section: BaseModel, name: str = "") -> dict[str, Any]:
    """A configuration, or the section of this name, without what is secret."""
    found: dict[str, Any] = {}
    for key, value in section.model_dump(mode="json").items():
        own = getattr(section, key)
        if isinstance(own, SecretStr) or key in NOT_SHOWN.get(name, ()):
            continue
        found[key] = without_secrets(own, key) if isinstance(own, BaseModel) else value
    return found
