"""Where models lie: a skops file and a JSON card in the data directory, both in the records database too, which says
which one judges.

Another machine brings the file from the database when it needs it. The database says what there is, and by which
sha256; a file of which it says nothing is what somebody left who died
between writing and telling, and is taken away.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import Damaged, Refused
from core.model import Evaluation, ModelCard, ModelState, RegisteredModel
from core.ports import Models

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

LEFT_BEHIND = timedelta(days=1)
"""Nobody takes so long between writing a file and telling of it."""
MODEL, CARD = ".skops", ".json"
HIGHER = ("recall", "recall_at_budget", "scored")
"""Metrics of which more is better; of `miscalibration` less."""


class Registry:
    """Models in a folder, and their records. Every change is whole or not at all."""

    def __init__(self, folder: Path, records: Models) -> None:
        self._folder = folder
        self._records = records

    def add(self, parts: Mapping[str, BaseEstimator], card: ModelCard) -> ModelCard:
        """Keep a model; returns its card with id and sha256. Files are safe before anybody is told of them."""
        from models.saving import dumped

        data = dumped(parts)
        digest = sha256(data).hexdigest()
        whole = replace(card, id=digest[:16], sha256=digest)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        self._write(whole.id + MODEL, data)
        self._write(whole.id + CARD, whole.to_json().encode())
        self._records.save_model(whole, data)
        return whole

    def models(self) -> Sequence[RegisteredModel]:
        return self._records.models()

    def champion(self) -> RegisteredModel | None:
        return next((one for one in self.models() if one.state == ModelState.CHAMPION), None)

    def named(self, name: str) -> RegisteredModel:
        """The model whose id begins so. Raises `Refused` where that is none or several."""
        found = [one for one in self.models() if one.card.id.startswith(name)] if name else []
        if len(found) != 1:
            raise Refused(f"{'several models begin' if found else 'no model begins'} with {name or 'nothing'}")
        return found[0]

    def load(self, model: str, features_digest: str) -> dict[str, BaseEstimator]:
        """The parts of a model. Its bytes are compared with what the database says before anything is made of them.
        Raises `Refused` for a file that was changed or of other features, `Damaged` where there is none."""
        card = self.named(model).card
        if card.features_digest != features_digest:
            raise Refused(f"model {card.id} was learned from other features than this version reads: train another one")
        data = self._data(card)
        if sha256(data).hexdigest() != card.sha256:
            raise Refused(f"model {card.id} is not the file that was registered: its sha256 differs")
        if self._read(card.id + CARD) != card.to_json().encode():
            raise Refused(f"the card of model {card.id} is not the one that was registered")
        from models.saving import loaded

        return loaded(data)

    def _data(self, card: ModelCard) -> bytes:
        """The file of a model, from the records database where this machine has it or its card not yet."""
        here = all((self._folder / (card.id + kind)).exists() for kind in (MODEL, CARD))
        if not here and (data := self._records.model_file(card.id)):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(card.id + CARD, card.to_json().encode())
            # Last: whoever sees it finds its card.
            self._write(card.id + MODEL, data)
        return self._read(card.id + MODEL)

    def shadow(self, model: str, *, by: str, why: str = "") -> RegisteredModel:
        """Let a model judge beside the champion."""
        return self._move(model, ModelState.SHADOW, by, why)

    def retire(self, model: str, *, by: str, why: str = "") -> RegisteredModel:
        return self._move(model, ModelState.RETIRED, by, why)

    def promote(
        self, model: str, own: Evaluation, champion: Evaluation | None, *, by: str, why: str = ""
    ) -> RegisteredModel:
        """Make a model champion. Both were evaluated on the same days; raises `Refused` where the challenger is worse,
        or where a champion's evaluation is missing."""
        now = self.champion()
        if now and now.card.id != self.named(model).card.id:
            if champion is None:
                raise Refused(f"the champion {now.card.id} was not evaluated on the same days")
            if reasons := worse(own, champion):
                raise Refused(f"worse than the champion {now.card.id}: {'; '.join(reasons)}")
        return self._move(model, ModelState.CHAMPION, by, why)

    def rollback(self, *, by: str, why: str) -> RegisteredModel:
        """Go back to the champion before."""
        return self.named(self._records.restore_champion(at=datetime.now(UTC), by=by, why=why))

    def _move(self, model: str, state: ModelState, by: str, why: str) -> RegisteredModel:
        found = self.named(model).card.id
        self._records.move_model(found, state, at=datetime.now(UTC), by=by, why=why)
        return self.named(found)

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise Damaged(
                f"{self._folder / name}: {error.strerror}: bring it from the machine that trained it, or from a copy"
            ) from None

    def _write(self, name: str, data: bytes) -> None:
        """Whole or not at all, also when the power fails."""
        handle, made = tempfile.mkstemp(dir=self._folder, prefix=".half-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(made).replace(self._folder / name)
        except BaseException:
            Path(made).unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _sweep(self) -> None:
        """Take away what nobody was ever told of."""
        known = {one.card.id for one in self.models()}
        before = (datetime.now(UTC) - LEFT_BEHIND).timestamp()
        for file in self._folder.iterdir():
            ours = file.suffix in (MODEL, CARD) or file.name.startswith(".half-")
            with suppress(FileNotFoundError):
                if ours and file.stem not in known and file.stat().st_mtime < before:
                    file.unlink()


def worse(own: Evaluation, champion: Evaluation) -> list[str]:
    """In what the one is worse than the other, a phrase each. Raises `Refused` where they are of different days."""
    if (own.first, own.last) != (champion.first, champion.last):
        raise Refused("they were evaluated on different days, so nothing says which is better")
    reasons = []
    for name in (*HIGHER, "miscalibration"):
        mine, theirs = own.value(name), champion.value(name)
        if theirs is None:
            continue
        if mine is None:
            reasons.append(f"{name} was not measured")
        elif mine < theirs if name in HIGHER else mine > max(theirs, TOLERATED):
            reasons.append(f"{name} {mine:.3g} against {theirs:.3g}")
    if lost := sorted(set(champion.found) - set(own.found)):
        reasons.append(f"confirmed cases lost: {', '.join(lost)}")
    return reasons


TOLERATED = 0.3
"""A factor of two (in powers of ten) between what is said to be rare and what is."""
