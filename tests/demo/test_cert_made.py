"""Made-up logs in the layout of the CERT data: as the releases have it, the same each time, overwriting nobody's."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from core.errors import Refused
from demo.cert import RELEASES, simulate_cert
from ingest.catalog import sources
from ingest.cert import answers, employees, releases

PEOPLE, DAYS = 60, 120


@pytest.fixture(scope="module", params=RELEASES)
def made(request, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / f"r{request.param}"
    simulate_cert(out, request.param, employees=PEOPLE, days=DAYS, seed=3)
    return request.param, out


def test_every_row_is_read_by_the_source_of_its_log(made):
    _, out = made
    [release] = releases(out)
    assert not release.absent
    for name, path in release.logs.items():
        reader = sources()[f"cert_{name}"]
        assert reader.recognises(path)
        batches = list(reader.batches(path))
        assert not [bad for batch in batches for bad in batch.quarantined]
        assert sum(batch.events.height for batch in batches) == pl.read_csv(path).height


def test_logs_have_the_columns_of_their_release(made):
    release, out = made
    header = {
        log: (out / f"{log}.csv").read_text().partition("\n")[0].split(",")
        for log in ("device", "file", "email", "http")
    }
    assert ("file_tree" in header["device"]) == (release != "4.2")
    assert ("to_removable_media" in header["file"]) == (release != "4.2")
    assert ("activity" in header["email"]) == (release != "4.2")
    assert ("activity" in header["http"]) == (release == "6.2")


def test_times_ascend_and_deeds_are_among_the_logs(made):
    _, out = made
    ids = set()
    for path in (out / f"{log}.csv" for log in ("logon", "device", "file", "email", "http")):
        rows = pl.read_csv(path).with_columns(pl.col("date").str.to_datetime("%m/%d/%Y %H:%M:%S"))
        assert rows["date"].is_sorted()
        assert rows["id"].is_unique().all()
        ids |= set(rows["id"])
    listed = [row for path in out.glob("answers/**/r*.csv") for row in csv.reader(path.read_text().splitlines())]
    assert listed
    assert {row[1] for row in listed} <= ids


def test_every_scenario_of_a_release_is_played_and_its_people_leave(made):
    release, out = made
    found = answers(out / "answers", release)
    assert not found.problems
    scenarios = Counter(one.scenario for one in found.insiders)
    assert set(scenarios) == {"4.2": set("123"), "5.2": set("1234"), "6.2": set("12345")}[release]
    assert all(one.listed for one in found.insiders)
    gone = {one.user for one in employees(out) if one.gone}
    assert gone - {one.user for one in found.insiders}, "some leave for good reasons"
    borrowed = [one for one in found.insiders if one.used]
    assert {one.scenario for one in borrowed} == {"3"}, "only the administrator acts in another's name"


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path):
    for name in ("a", "b"):
        simulate_cert(tmp_path / name, "6.2", employees=40, days=100, seed=1)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) > 10
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_nobodys_files_are_overwritten(tmp_path: Path):
    (tmp_path / "logon.csv").write_text("real")
    with pytest.raises(Refused, match="no simulation"):
        simulate_cert(tmp_path, "4.2", employees=40, days=100)
    assert (tmp_path / "logon.csv").read_text() == "real"
    with pytest.raises(Refused, match=r"no release 9"):
        simulate_cert(tmp_path / "x", "9", employees=40, days=100)
    with pytest.raises(Refused, match="at least"):
        simulate_cert(tmp_path / "x", "4.2", employees=3, days=100)
