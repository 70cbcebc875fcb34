"""What the registry promises: nothing half, nothing changed, nothing that runs."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from person_days import person_days
from skops.io import dumps

from core.errors import Damaged, Refused
from core.model import Evaluation, Metric, ModelCard, ModelState
from models.deviation import Own
from models.forest import Forest
from models.registry import LEFT_BEHIND, Registry, worse
from models.saving import loaded
from store.records import SqlRecords
from tests.records import fresh_file
from tests.store.test_models import CARD

DAYS = person_days()
DIGEST = CARD.features_digest


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    with closing(SqlRecords(fresh_file(tmp_path / "records.db"))) as opened:
        yield opened


@pytest.fixture
def registry(tmp_path: Path, records: SqlRecords) -> Registry:
    return Registry(tmp_path / "models", records)


def parts(seed: int = 0) -> dict[str, Any]:
    return {"forest": Forest(trees=5, random_state=seed).fit(DAYS), "own": Own().fit(DAYS)}


def evaluated(recall: float = 0.5, **more: Any) -> Evaluation:
    metrics = (Metric(name="recall", value=recall, low=0, high=1), Metric(name="scored", value=0.9, low=0, high=1))
    return replace(CARD.evaluation, metrics=metrics, found=(), missed=(), **more)


def files(folder: Path) -> set[str]:
    return {file.suffix for file in folder.iterdir()}


def test_a_model_scores_the_same_when_loaded(registry: Registry) -> None:
    learned = parts()
    card = registry.add(learned, CARD)
    again = registry.load(card.id, DIGEST)
    assert set(again) == {"forest", "own"}
    for name, part in learned.items():
        np.testing.assert_array_equal(part.score_samples(DAYS), again[name].score_samples(DAYS))  # type: ignore[attr-defined]
    (found,) = registry.models()
    assert (found.card, found.state) == (card, ModelState.TRAINED)


def test_the_card_lies_beside_the_model_and_names_its_sha256(registry: Registry, tmp_path: Path) -> None:
    card = registry.add(parts(), CARD)
    assert ModelCard.from_json((tmp_path / "models" / f"{card.id}.json").read_text(encoding="utf-8")) == card
    model = tmp_path / "models" / f"{card.id}.skops"
    assert sha256(model.read_bytes()).hexdigest() == card.sha256
    assert model.stat().st_mode & 0o077 == 0, "it names people, so nobody else reads it"


@pytest.mark.parametrize("suffix", [".skops", ".json"])
def test_a_file_that_was_changed_is_refused(
    registry: Registry, records: SqlRecords, tmp_path: Path, suffix: str
) -> None:
    card = registry.add(parts(), CARD)
    file = tmp_path / "models" / (card.id + suffix)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(Refused, match="registered"):
        registry.load(card.id, DIGEST)
    file.unlink()
    assert registry.load(card.id, DIGEST).keys() == parts().keys(), "what is lost is brought from the records"
    file.unlink()
    with records.database.writing() as connection:
        connection.exec_driver_sql("delete from model_files")
    with pytest.raises(Damaged, match="from a copy"):
        registry.load(card.id, DIGEST)


class Planted:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch planted",))


def test_a_pickle_in_its_place_is_refused_and_does_not_run(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    card = registry.add(parts(), CARD)
    (tmp_path / "models" / f"{card.id}.skops").write_bytes(pickle.dumps(Planted()))
    with pytest.raises(Refused, match="sha256"):
        registry.load(card.id, DIGEST)
    with pytest.raises(Refused, match="not a skops file"):
        loaded(pickle.dumps(Planted()))
    assert not (tmp_path / "planted").exists()


def test_a_file_with_other_types_is_refused_whoever_vouches_for_it() -> None:
    with pytest.raises(Refused, match="not trusted"):
        loaded(dumps({"it": {"kind": "Own", "parameters": {}, "learned": {"centre_": Own()}}}))
    for strange in ({"it": 1}, [1], {"it": {"kind": "Popen", "parameters": {}, "learned": {}}}):
        with pytest.raises(Refused, match="no model"):
            loaded(dumps(strange))
    own = {"kind": "Own", "parameters": Own().get_params(), "learned": {"fit": 1}}
    with pytest.raises(Refused, match="nothing learned"):
        loaded(dumps({"it": own}))
    with pytest.raises(Refused, match="other parameters"):
        loaded(dumps({"it": own | {"parameters": {"speed": 1}}}))


def test_a_model_of_other_features_is_refused(registry: Registry) -> None:
    card = registry.add(parts(), CARD)
    with pytest.raises(Refused, match="other features"):
        registry.load(card.id, "e" * 64)


def test_who_is_killed_between_file_and_record_leaves_no_model(
    registry: Registry, records: SqlRecords, tmp_path: Path
) -> None:
    code = (
        "import os, sys; sys.path[:0] = ['tests/models', '.']\n"
        "from test_registry import *\n"
        "class Dying:\n"
        "    def models(self): return []\n"
        "    def save_model(self, card, data): os.kill(os.getpid(), signal.SIGKILL)\n"
        "Registry(Path(sys.argv[1]), Dying()).add(parts(1), CARD)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "models")], cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    assert files(tmp_path / "models") == {".skops", ".json"}
    assert list(registry.models()) == []
    with pytest.raises(Refused, match="no model begins"):
        registry.load(next((tmp_path / "models").glob("*.skops")).stem, DIGEST)
    long_ago = time.time() - LEFT_BEHIND.total_seconds() - 1
    for file in (tmp_path / "models").iterdir():
        os.utime(file, (long_ago, long_ago))
    card = registry.add(parts(), CARD)
    assert {file.stem for file in (tmp_path / "models").iterdir()} == {card.id}


def test_a_write_that_fails_leaves_nothing(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        registry.add(parts(), CARD)
    assert list((tmp_path / "models").iterdir()) == []
    assert list(registry.models()) == []


def test_a_challenger_that_is_worse_on_the_same_days_is_not_promoted(registry: Registry) -> None:
    first, second = (registry.add(parts(seed), CARD).id for seed in (0, 1))
    registry.promote(first, evaluated(), None, by="li")
    with pytest.raises(Refused, match=r"worse than the champion .*: recall 0.4 against 0.5"):
        registry.promote(second, evaluated(0.4), evaluated(0.5), by="li")
    with pytest.raises(Refused, match="not evaluated on the same days"):
        registry.promote(second, evaluated(0.9), None, by="li")
    with pytest.raises(Refused, match="different days"):
        registry.promote(second, evaluated(0.9), replace(evaluated(), first=date(2026, 5, 1)), by="li")
    champion = registry.champion()
    assert champion
    assert champion.card.id == first
    assert registry.promote(second, evaluated(0.5), evaluated(0.5), by="li").state == ModelState.CHAMPION
    assert registry.rollback(by="li", why="too loud").card.id == first


def test_a_challenger_that_loses_a_confirmed_case_is_worse() -> None:
    one, other = replace(evaluated(), found=("e1", "e2")), replace(evaluated(0.9), found=("e2", "e3"))
    assert worse(other, one) == ["confirmed cases lost: e1"]
    assert worse(one, replace(other, found=())) == ["recall 0.5 against 0.9"]


def test_models_are_called_by_the_beginning_of_their_id(registry: Registry) -> None:
    card = registry.add(parts(), CARD)
    assert registry.named(card.id[:5]).card == card
    assert registry.shadow(card.id[:5], by="li").state == ModelState.SHADOW
    assert registry.retire(card.id[:5], by="li", why="old").state == ModelState.RETIRED
    for name in ("", "zz"):
        with pytest.raises(Refused, match="no model begins"):
            registry.named(name)
