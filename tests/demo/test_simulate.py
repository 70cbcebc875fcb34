"""What a simulation promises as a whole: the same bytes again, any size, nobody's files touched."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from core.errors import Refused
from demo.simulate import simulate

ROOT = Path(__file__).parents[2]
RUN = """
import sys; from pathlib import Path; from demo.simulate import simulate
simulate(Path(sys.argv[1]), employees=20, days=6)
"""


def fingerprint(path: Path) -> dict[str, str]:
    files = (file for file in sorted(path.rglob("*")) if file.is_file())
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_same_arguments_give_the_same_bytes_whatever_the_hash_seed(tmp_path):
    for number in (1, 2):
        environment = os.environ | {
            "PYTHONHASHSEED": str(number),
            "PYTHONPATH": str(ROOT),
            "POLARS_MAX_THREADS": str(number),
        }
        subprocess.run([sys.executable, "-c", RUN, str(tmp_path / str(number))], check=True, env=environment, cwd=ROOT)
    first = fingerprint(tmp_path / "1")
    assert len(first) > 20
    assert first == fingerprint(tmp_path / "2")


def test_another_seed_is_another_company(tmp_path):
    for seed in (1, 2):
        simulate(tmp_path / str(seed), employees=10, days=2, seed=seed)
    one, other = (fingerprint(tmp_path / str(seed)) for seed in (1, 2))
    assert one["hr/employees.csv"] != other["hr/employees.csv"]
    assert one["truth.json"] != other["truth.json"]


@pytest.mark.parametrize(("employees", "days"), [(2, 1), (10, 1), (10, 14), (60, 1), (60, 14)])
def test_small_companies_have_every_folder_and_a_thief(tmp_path, employees, days):
    truth = simulate(tmp_path, employees=employees, days=days, seed=3)
    assert {file.name for file in tmp_path.iterdir()} == {
        "hr",
        "salesforce",
        "m365",
        "windows",
        "postfix",
        "truth.json",
    }
    assert all(any((tmp_path / folder).iterdir()) for folder in ("hr", "m365", "windows", "postfix"))
    assert truth.thieves or employees == 2
    assert (truth.end - truth.start).days == days - 1


def test_a_period_of_holidays_works(tmp_path):
    truth = simulate(tmp_path, employees=10, days=3, seed=1, end=date(2026, 5, 3))
    assert truth.end == date(2026, 5, 3)
    assert truth.counts["windows"] > 0


def test_an_earlier_simulation_is_replaced(tmp_path):
    simulate(tmp_path, employees=10, days=3, seed=1)
    simulate(tmp_path, employees=10, days=1, seed=1)
    simulate(tmp_path / "fresh", employees=10, days=1, seed=1)
    fresh = fingerprint(tmp_path / "fresh")
    assert {name: text for name, text in fingerprint(tmp_path).items() if not name.startswith("fresh")} == fresh


def test_a_simulation_broken_off_is_made_again(tmp_path):
    simulate(tmp_path, employees=10, days=2, seed=1)
    whole = fingerprint(tmp_path)
    (tmp_path / "truth.json").unlink()
    (tmp_path / ".unfinished").touch()
    (tmp_path / "m365" / "audit-20200101.jsonl").touch()
    simulate(tmp_path, employees=10, days=2, seed=1)
    assert fingerprint(tmp_path) == whole


def test_real_logs_are_never_touched(tmp_path):
    log = tmp_path / "postfix" / "mail.log"
    log.parent.mkdir()
    log.write_text("real")
    with pytest.raises(Refused, match="no simulation's"):
        simulate(tmp_path, employees=10, days=1)
    assert log.read_text() == "real"


@pytest.mark.parametrize(("employees", "days"), [(1, 5), (5, 0)])
def test_nobody_and_never_are_refused(tmp_path, employees, days):
    with pytest.raises(Refused, match="at least"):
        simulate(tmp_path, employees=employees, days=days)


def test_thieves_of_no_kind_or_without_time_are_refused(tmp_path):
    with pytest.raises(Refused, match="nobody steals like this: nothing"):
        simulate(tmp_path, employees=10, days=30, kinds=("nothing",))
    with pytest.raises(Refused, match="nobody has time"):
        simulate(tmp_path, employees=10, days=30, kinds=("burst",), since=25)
