"""What people do, before any vendor writes it down: who, when, what, to which file, how much, to whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from demo.streams import Floats, Ints

SYSTEMS = ("salesforce", "m365", "windows", "postfix")
SCHEMA: dict[str, pl.DataType] = {
    "at": pl.Int64(),
    "who": pl.Int32(),
    "what": pl.String(),
    "doc": pl.Int32(),
    "n": pl.Int64(),
    "to": pl.String(),
    "ip": pl.String(),
    "note": pl.String(),
}
Texts = str | pl.Series | Sequence[str | None] | None


class Intents:
    """Collects intents; thieves only add to it.

    `n` is rows, bytes or items, as the deed asks for; `to` is an address or a login; no `ip` means where the person
    usually is; `note` is what else the deed needs (a new file name, a device).
    """

    def __init__(self) -> None:
        self._parts: dict[str, list[pl.DataFrame]] = {system: [] for system in SYSTEMS}

    def add(
        self,
        system: str,
        what: str,
        who: int | Ints,
        at: Ints,
        *,
        doc: int | Ints = 0,
        n: int | Ints | Floats = 1,
        to: Texts = None,
        ip: Texts = None,
        note: Texts = None,
    ) -> None:
        """Add one intent per element of `at`; what is single goes for all of them."""
        rows = len(at)
        if not rows:
            return
        numbers = {"at": at, "who": who, "doc": doc, "n": n}
        texts = {"what": what, "to": to, "ip": ip, "note": note}
        columns = [pl.Series(name, np.broadcast_to(value, rows)) for name, value in numbers.items()]
        frame = pl.DataFrame(columns + [_texts(name, value, rows) for name, value in texts.items()])
        self._parts[system].append(frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()))

    def of(self, system: str) -> pl.DataFrame:
        """All intents of a system in order of time; of one moment, in the order they were added."""
        parts = self._parts[system]
        frame = pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)
        return frame.sort("at", maintain_order=True)


def _texts(name: str, value: Texts, rows: int) -> pl.Series:
    if value is None or isinstance(value, str):
        return pl.Series(name, [value], dtype=pl.String).new_from_index(0, rows).alias(name)
    return pl.Series(name, value, dtype=pl.String)
