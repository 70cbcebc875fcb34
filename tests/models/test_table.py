"""Person-days as matrices, and samples of them."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.table import Sample

MANY = """
from datetime import date
from pathlib import Path
import polars as pl
from models.table import Sample

def highest():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

def frame(number):
    rows = pl.int_range(20_000, eager=True)
    numbers = {f"f{column}": (rows * number % (column + 7)).cast(pl.Float64) for column in range(20)}
    persons = "p" + (rows + number * 20_000).cast(pl.String)
    return pl.DataFrame({"person": persons, **numbers}).with_columns(day=date(2026, 3, 2))

sample = Sample(5_000, 0)
for number in range(FRAMES):
    sample.add(frame(number))
sample.rows()
print(highest())
"""


def days(*persons: str) -> pl.DataFrame:
    return pl.DataFrame({"person": persons, "day": [date(2026, 3, 2)] * len(persons), "n": range(len(persons))})


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_a_sample_does_not_depend_on_the_frames_that_rows_come_in(at_once: int) -> None:
    persons = [f"p{number}" for number in range(100)]
    whole, parts, others = Sample(10, 3), Sample(10, 3), Sample(10, 4)
    whole.add(days(*persons))
    others.add(days(*persons))
    for frame in days(*persons).iter_slices(at_once):
        parts.add(frame)
    assert whole.rows().height == 10
    assert_frame_equal(parts.rows(), whole.rows())
    assert set(others.rows()["person"]) != set(whole.rows()["person"])


def test_of_nothing_there_is_no_sample() -> None:
    assert Sample(10, 3).rows().is_empty()


def test_a_sample_of_many_days_takes_no_more_memory_than_one_of_few() -> None:
    few, many = (_highest(frames) for frames in (3, 60))
    assert many < few + 60, "190 MB of days went by"


def _highest(frames: int) -> float:
    code = MANY.replace("FRAMES", str(frames))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)
