"""Cases as rows of the records database."""

from __future__ import annotations

import json
from dataclasses import asdict

from core.case import Case, CaseState
from store.records.alertrows import as_json
from store.records.database import Row


def case_of(row: Row) -> Case:
    lists = {name: tuple(json.loads(row[name])) for name in ("alerts", "scores")}
    return Case(**row | lists | {"state": CaseState(row["state"])})


def case_row(case: Case) -> Row:
    lists = {"alerts": as_json(list(case.alerts)), "scores": as_json(list(case.scores))}
    return asdict(case) | lists | {"state": case.state.value}
