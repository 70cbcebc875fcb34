"""A case's evidence from raw logs to a bundle that holds elsewhere, as its user has it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pypdfium2
import pyrage
import pytest

from app.config import Config
from app.exporting import Asked, plan
from app.parties import Parties
from app.wiring import open_house
from core.errors import Refused
from core.person import Link, Person
from tests.app.conftest import run


@pytest.fixture(scope="module")
def data(imported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(imported / "data", tmp_path_factory.mktemp("evidence") / "data")


@pytest.fixture(scope="module")
def case(data: Path) -> str:
    cases = json.loads(run("cases", "--json", data=data).stdout)
    return max(cases, key=lambda one: one["score"])["id"]


@pytest.fixture(scope="module")
def bundle(data: Path, case: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "case.zip"
    run("evidence", "export", case[:10], out, "--to", "the court", "--purpose", "proceedings", data=data)
    return out


def inside(bundle: Path, name: str) -> Any:
    with zipfile.ZipFile(bundle) as container:
        return json.loads(container.read(name))


def audited(data: Path, case: str) -> list[str]:
    with open_house(Config(data=data)) as house:
        return [entry.deed.value for entry in house.records.audited(about=case)]


def test_a_bundle_holds_here_and_alone_and_a_flipped_bit_is_named(data: Path, bundle: Path, tmp_path: Path) -> None:
    assert "is complete" in run("evidence", "verify", bundle, data=data).stdout
    with zipfile.ZipFile(bundle) as container:
        container.extractall(tmp_path / "unpacked")
    alone = subprocess.run(
        [sys.executable, "verify.py"], cwd=tmp_path / "unpacked", capture_output=True, text=True, check=False
    )
    assert alone.returncode == 0, alone.stderr
    changed = bytearray(bundle.read_bytes())
    changed[changed.index(b"event.original") + 30] ^= 1
    (tmp_path / "changed.zip").write_bytes(changed)
    told = run("evidence", "verify", tmp_path / "changed.zip", data=data, expect=1)
    assert "data/events/leaves-0001.ndjson" in told.stderr
    run("evidence", "verify", tmp_path / "nothing.zip", data=data, expect=2)


def test_a_bundle_has_what_was_frozen_and_everything_else_of_the_person(bundle: Path, case: str) -> None:
    told = inside(bundle, "data/case.json")
    assert told["id"] == case
    assert told["left_out"]["unproven"] == 0
    with zipfile.ZipFile(bundle) as container:
        names = container.namelist()
        lines = [line for name in names if "leaves-" in name for line in container.read(name).splitlines()]
        snapshots = [json.loads(container.read(name)) for name in names if name.startswith("data/alerts/")]
        account = {lang: container.read(f"data/account.{lang}.md").decode() for lang in ("en", "zh")}
    shown = {json.loads(line)["content"].get("event.id") for line in lines}
    assert {event for one in snapshots for event in one["events"]} <= shown
    assert len(shown) > len({event for one in snapshots for event in one["events"]})
    assert {one["alert"]["id"] for one in snapshots} == set(told["alerts"])
    assert all(one["alert"]["messages"][lang][:10].strip("\\") for one in snapshots for lang in ("en", "zh"))
    assert "What speaks for the person" in account["en"]
    assert "对当事人有利的情况" in account["zh"]


def words_of(pdf: bytes) -> str:
    """What a PDF says, without breaks."""
    with pypdfium2.PdfDocument(pdf) as document:
        whole = "".join("".join(page.get_textpage().get_text_bounded().split()) for page in document)
    return whole.replace("\u200b", "")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_says_what_the_bundle_holds(data: Path, case: str, tmp_path: Path, lang: str) -> None:
    out = tmp_path / "case.zip"
    run("evidence", "export", case, out, "--to", "王律师", "--lang", lang, data=data)
    told = inside(out, "data/case.json")
    with zipfile.ZipFile(out) as container:
        words = words_of(container.read("data/report.pdf"))
        snapshots = [json.loads(container.read(name)) for name in container.namelist() if "data/alerts/" in name]
        head = [json.loads(line) for line in container.read("data/proof/heads.ndjson").splitlines()][-1]
    assert all(one in words for one in ("王律师", case, *told["persons"][0]["name"].split()))
    for one in snapshots:
        assert "".join(one["alert"]["messages"][lang].split())[:20] in words
    assert head["key"][:8] in words
    assert head["head"]["roots"]["sha256"][:8] in words


def test_two_exports_differ_in_the_export_record_and_what_is_signed_over_it(
    data: Path, bundle: Path, case: str, tmp_path: Path
) -> None:
    run("evidence", "export", case, tmp_path / "case.zip", "--to", "the other side", data=data)
    with zipfile.ZipFile(bundle) as one, zipfile.ZipFile(tmp_path / "case.zip") as two:
        assert one.namelist() == two.namelist()
        differ = {name for name in one.namelist() if one.read(name) != two.read(name)}
    signed = {"manifest-sha256.txt", "tagmanifest-sha256.txt", "signature.json"}
    assert differ == {"data/export.json", "data/report.pdf", *signed}, "the report bears the copy's mark"
    records = [inside(path, "data/export.json") for path in (bundle, tmp_path / "case.zip")]
    assert records[0]["number"] < records[1]["number"]
    assert records[0]["code"] != records[1]["code"]
    assert [entry["deed"] for entry in records[1]["earlier"]].count("exported") >= 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("update snapshots set body = body || x'20' where id = (select min(id) from snapshots)", "was changed"),
        ("update snapshots set alert = 'another' where id = (select min(id) from snapshots)", "is not what the ledger"),
        ("delete from snapshots where id = (select min(id) from snapshots)", "was removed"),
        ("update frozen_events set content = x'7b7d' where id = (select max(id) from frozen_events)", "frozen event"),
        ("update frozen_texts set text = text || x'20'", "frozen text"),
    ],
)
def test_what_was_frozen_and_changed_since_is_named(data: Path, tmp_path: Path, change: str, told: str) -> None:
    copied = tmp_path / "data"
    shutil.copytree(data, copied)
    assert "everything that was frozen is as it was" in run("doctor", "--ledger", data=copied).stdout
    connection = sqlite3.connect(copied / "records.db")
    with connection:
        connection.execute(change)
    connection.close()
    assert told in run("doctor", "--ledger", data=copied, expect=1).stdout


def test_every_export_and_preview_is_noted_and_a_copy_is_traced(
    data: Path, bundle: Path, case: str, tmp_path: Path
) -> None:
    found = json.loads(run("evidence", "trace", bundle, "--json", data=data).stdout)
    assert [(one["recipient"], one["sure"]) for one in found] == [("the court", True)]
    with zipfile.ZipFile(bundle) as container:
        rows = container.read("data/events/events-0001.csv").decode().splitlines()
        (tmp_path / "report.pdf").write_bytes(container.read("data/report.pdf"))
    found = json.loads(run("evidence", "trace", tmp_path / "report.pdf", "--json", data=data).stdout)
    assert [(one["recipient"], one["case"], one["sure"]) for one in found] == [("the court", case, True)]
    (tmp_path / "some.txt").write_text("\n".join(reversed(rows[1:4])).replace(",", "\t"))
    found = json.loads(run("evidence", "trace", tmp_path / "some.txt", "--json", data=data).stdout)
    assert "the court" in {one["recipient"] for one in found}
    assert not any(one["sure"] for one in found)
    (tmp_path / "other.txt").write_text("nothing of ours")
    assert "nothing in" in run("evidence", "trace", tmp_path / "other.txt", data=data, expect=2).stderr
    told = json.loads(run("evidence", "preview", case, "--json", data=data).stdout)
    assert told["events"] > 0
    assert sum(told["sources"].values()) == told["events"]
    assert {"exported", "previewed", "traced"} <= set(audited(data, case))


def test_what_is_asked_to_be_left_out_is_left_out_of_every_file(data: Path, case: str, tmp_path: Path) -> None:
    masked = json.loads(run("evidence", "preview", case, "--json", data=data).stdout)
    assert masked["accounts"] is masked["others"] is None
    told = json.loads(run("evidence", "preview", case, "--json", "--unmask", "to leave somebody out", data=data).stdout)
    other = next(iter(told["others"]))
    out = tmp_path / "case.zip"
    run("evidence", "export", case, out, "--to", "x", "--redact", other, "--redact", "file.path", data=data)
    assert "withheld" in run("evidence", "verify", out, data=data).stdout
    with zipfile.ZipFile(out) as container:
        assert not any(other.encode() in container.read(name) for name in container.namelist())
        assert other not in words_of(container.read("data/report.pdf"))
    withheld = inside(out, "data/case.json")["left_out"]["withheld"]
    assert withheld.keys() <= {"person", "file.path"}
    assert withheld["person"] >= 1


def test_a_bundle_is_encrypted_for_whom_it_is_meant(data: Path, case: str, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    out = tmp_path / "case.zip"
    run("evidence", "export", case, out, "--to", "x", "--recipient", identity.to_public(), data=data)
    assert not out.exists()
    opened = tmp_path / "opened.zip"
    opened.write_bytes(pyrage.decrypt((tmp_path / "case.zip.age").read_bytes(), [identity]))
    run("evidence", "verify", opened, data=data)
    run("evidence", "export", case, out, "--to", "x", "--recipient", "age1nonsense", data=data, expect=2)


def test_the_cases_own_person_cannot_be_left_out_and_strangers_are_refused(data: Path, case: str) -> None:
    with open_house(Config(data=data)) as house:
        person = next(one.person for one in house.records.cases() if one.id == case)
        with pytest.raises(Refused, match="cannot be left out"):
            plan(house, Asked(case=case, by="x", redact=[person]))
        with pytest.raises(Refused, match="is not about"):
            plan(house, Asked(case=case, by="x", persons=["nobody@nowhere.example"]))
        with pytest.raises(Refused, match="0 cases"):
            plan(house, Asked(case="zzz", by="x"))


def test_a_third_party_is_left_out_by_every_account_they_have(tmp_path: Path) -> None:
    with open_house(Config(data=tmp_path)) as house:
        house.records.save_persons(
            [Person(id="1002", name="王伟", email="wang.wei@corp.example")],
            [
                Link(account="login:corp\\wangwei", person="1002"),
                Link(account="mail:wang.wei@corp.example", person="1002"),
            ],
        )
        hide = Parties.of(house).redaction(["wang.wei@corp.example"], [])
    for text in ("CORP\\WangWei logged in", "王伟", "to wang.wei@corp.example", "employee 1002"):
        assert hide.why({"event.original": text}) == "person", text
