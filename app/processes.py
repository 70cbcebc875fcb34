"""The processes that a cluster is made of."""

from __future__ import annotations

from typing import Literal

Process = Literal["collect", "worker", "judge", "api"]
