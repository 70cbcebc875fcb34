"""The demo's data directory: made anew for another company, never mixed with real logs."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.errors import Refused
from demo.simulate import simulate

LOGS = "demo-logs"
MADE = "made"
"""Written into the logs' folder once they are whole; it says which company they are of."""


def prepare(data: Path, employees: int, days: int, seed: int) -> Path:
    """The folder of the company's raw logs, made where missing. Raises `Refused` where `data` holds anything else."""
    logs = data / LOGS
    company = f"employees {employees} days {days} seed {seed}\n"
    made = logs / MADE
    if made.exists() and made.read_text() == company:
        return logs
    if (data / "records.db").exists() and not logs.exists():
        raise Refused(f"{data} holds real logs; give the demo a data directory of its own with --data")
    for left in (logs, data / "events"):
        shutil.rmtree(left, ignore_errors=True)
    for left in data.glob("records.db*"):
        left.unlink()
    simulate(logs, employees=employees, days=days, seed=seed)
    made.write_text(company)
    return logs
