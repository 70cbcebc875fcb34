"""Learned detectors as bytes and back: numbers, texts and scikit-learn's trees, and nothing that runs when loaded.

Our own classes are not in the file: it has their names, parameters and what they learned, and only those in `KINDS` are
made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile

from sklearn.base import BaseEstimator
from skops.io import dumps, loads
from skops.io.exceptions import UntrustedTypesFoundException

from core.errors import Refused
from models.calibrate import Calibration
from models.cumulative import Cumulative
from models.deviation import Own, Peers
from models.drift import Population
from models.forest import Forest
from models.reconstruction import Reconstruction
from models.sequence import Sequence
from models.supervised import Supervised

KINDS: Mapping[str, type[BaseEstimator]] = {
    kind.__name__: kind
    for kind in (Forest, Reconstruction, Own, Peers, Cumulative, Sequence, Supervised, Calibration, Population)
}
TRUSTED = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.calibration._CalibratedClassifier",
)
"""What a file may hold besides what skops itself trusts. Never what a file asks for."""


def dumped(parts: Mapping[str, BaseEstimator]) -> bytes:
    """Learned estimators, by name, as a skops file."""
    written = {
        name: {
            "kind": type(part).__name__,
            "parameters": part.get_params(deep=False),
            "learned": {key: value for key, value in vars(part).items() if key.endswith("_")},
        }
        for name, part in parts.items()
    }
    found: bytes = dumps(written, compression=ZIP_DEFLATED)
    return found


def loaded(data: bytes) -> dict[str, BaseEstimator]:
    """What was dumped. Raises `Refused` for anything else; nothing of the file is run."""
    try:
        parts = loads(data, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise Refused(f"a model with parts that are not trusted: {error}") from None
    except (BadZipFile, KeyError, ValueError, TypeError, AttributeError):
        raise Refused("no model: not a skops file") from None
    if not isinstance(parts, dict):
        raise Refused("no model: not a skops file of ours")
    return {str(name): _made(part) for name, part in parts.items()}


def _made(part: Any) -> BaseEstimator:
    if not isinstance(part, dict) or set(part) != {"kind", "parameters", "learned"} or part["kind"] not in KINDS:
        raise Refused("no model: it has parts of no known kind")
    kind, learned = KINDS[part["kind"]], part["learned"]
    if set(part["parameters"]) != set(kind().get_params(deep=False)):
        raise Refused(f"no model of this version: {part['kind']} has other parameters")
    if not all(isinstance(name, str) and name.endswith("_") and not name.startswith("_") for name in learned):
        raise Refused("no model: it has parts that nothing learned")
    made = kind(**part["parameters"])
    vars(made).update(learned)
    return made
