"""Files to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def _write(data: bytes, name: str = "file.log") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return _write
