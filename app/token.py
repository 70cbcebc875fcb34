"""The token of the HTTP service: configured, or made once and kept in the data directory."""

from __future__ import annotations

import os
import secrets

from app.config import Config


def token_of(config: Config) -> str:
    """The token callers must present; a made one is readable by its owner only."""
    if config.api.token:
        return config.api.token
    config.data.mkdir(parents=True, exist_ok=True)
    file = config.data / "api-token"
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(handle, "w") as out:
        token = secrets.token_urlsafe(32)
        out.write(token)
    return token
