"""One small company for all tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.simulate import simulate
from demo.truth import Truth


@dataclass(frozen=True, slots=True)
class Made:
    """Where a simulation lies, and its truth."""

    path: Path
    truth: Truth


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    path = tmp_path_factory.mktemp("company")
    return Made(path, simulate(path, employees=60, days=30, seed=7))
