"""Whatever is asked of any operation, right or wrong: no failure of ours, nothing that is not described, and answers of
the shape that is declared. Routes are found by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.server import create_app
from api.shop import Shop
from core.access import Caller
from tests.api.shops import EVERYTHING, Knows
from tests.api.test_models_api import Desk
from tests.store.test_models import card

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Where nobody sits at a desk, the answer is 503 with a code `no-...`.
REQUESTS = 500
"""Of all operations together, for one caller and one kind of data."""
NOBODY = Caller(name="nobody", roles=frozenset(), permissions=frozenset())


def operations(app: FastAPI) -> Iterator[APIOperation]:
    for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():
        yield found.ok()


def there(shop: Shop) -> dict[str, str]:
    """Names of what there is, by parameter; half of all requests ask for it, the others for anything."""
    (alert, *_), (case, *_) = shop.records.alerts(), shop.records.cases()
    return {"alert_id": alert.id, "case_id": case.id, "model_id": "a", "person": shop.pseudonyms(alert.person)}


def tried(operation: APIOperation, mode: GenerationMode, most: int, known: dict[str, str]) -> Iterator[str]:
    """What is wrong with the answers of an operation."""
    seen: list[str] = []
    turns = cycle((True, False))

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=most,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        if operation.path.endswith("/stream"):
            case.query = {**(case.query or {}), "seconds": 0}
        if next(turns):
            case.path_parameters = {name: known.get(name, value) for name, value in case.path_parameters.items()}
        answer = case.call()
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            seen.extend(f"{operation.label}: {answer.status_code} {one}" for one in group.exceptions)
        if answer.status_code == 503 and not answer.json().get("code", "no-").startswith("no-"):
            seen.append(f"{operation.label}: {answer.json()}")
        if mode is GenerationMode.POSITIVE and answer.status_code == 422 and answer.json().get("code") == "invalid":
            # What no schema can say is said by a validator of ours.
            fields = [one for one in answer.json()["fields"] if not one["why"].startswith("Value error")]
            seen.extend(f"{operation.label}: as declared, but {one}" for one in fields)

    with suppress(Unsatisfiable):  # of some operations nothing can be asked wrongly
        ask()
    yield from dict.fromkeys(seen)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("caller", [EVERYTHING, NOBODY], ids=lambda caller: caller.name)
def test_no_answer_is_a_surprise(shop: Shop, caller: Caller, mode: GenerationMode, tmp_path: Path) -> None:
    shop.desk = Desk(tmp_path / "models", shop.records)
    for name in "abc":
        shop.records.save_model(card(name))
    app = create_app(shop, Knows(caller))
    some = list(operations(app))
    most = max(1, REQUESTS // len(some) // (1 if caller is EVERYTHING else 10))
    wrong = [one for operation in some for one in tried(operation, mode, most, there(shop))]
    assert not wrong, "\n".join(wrong[:60])
