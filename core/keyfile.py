"""Files of keys: whole on disk or not there, and read by their owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_key(file: Path, content: bytes, *, instead: bool = False) -> None:
    """Write a file that only its owner may read, whole or not at all. One that is there already stays as it is, unless
    this comes `instead`. Raises `OSError`."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        if instead:
            part.replace(file)
        else:
            os.link(part, file)
        _settle(file.parent)
    except FileExistsError:
        pass  # another process was quicker
    finally:
        part.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """A name is on disk once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
