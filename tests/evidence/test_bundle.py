"""What goes into a bundle, and what does not."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Broken, Refused
from evidence.account import LANGUAGES, account
from evidence.scope import Party, Redaction
from evidence.uco import graph
from evidence.verify import FORMULA, Bundle, row, verify
from tests.evidence.bundles import EVENTS, START, Story, a_copy, a_snapshot, a_story, entries, packed, unpacked

SILENT = {"say": lambda line: None}


@pytest.fixture(scope="module")
def story() -> Story:
    return a_story()


def lines(files: dict[str, bytes]) -> list[dict[str, object]]:
    found = [line for name in sorted(files) if "leaves-" in name for line in files[name].splitlines()]
    return [json.loads(line)["content"] for line in found]


def test_two_exports_of_a_case_differ_in_the_export_record_and_what_is_signed_over_it_alone(
    story: Story, tmp_path: Path
) -> None:
    first, second = tmp_path / "one" / "case.zip", tmp_path / "two" / "case.zip"
    for out in (first, second):
        out.parent.mkdir()
    packed(story, first)
    packed(story, second, copy=a_copy(number=2, recipient="the other side", at=START + timedelta(days=1)))
    one, two = unpacked(first), unpacked(second)
    assert {name for name in one | two if one.get(name) != two.get(name)} == {
        "data/export.json", "manifest-sha256.txt", "signature.json", "tagmanifest-sha256.txt",
    }  # fmt: skip


def test_the_same_export_is_the_same_bytes(story: Story, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(packed(story, tmp_path / name / "case.zip")[0].read_bytes())
    assert made[0] == made[1]


def test_lines_are_leaves_byte_for_byte_and_raw_lines_are_what_was_received(story: Story, tmp_path: Path) -> None:
    files = unpacked(packed(story, tmp_path / "case.zip")[0])
    indexes = json.loads(files["data/proof/tree.json"])["indexes"]
    shown = files["data/events/leaves-0000.ndjson"] + files["data/events/leaves-0001.ndjson"]
    assert [story.ledger.leaves[index] for index in indexes] == shown.splitlines()
    raw = [event["event.original"] for event in EVENTS if event["user.account"] == "login:li.na"]
    assert files["data/events/raw-0001.log"].decode().splitlines() == raw


def test_only_the_persons_events_go_out(story: Story, tmp_path: Path) -> None:
    found = lines(unpacked(packed(story, tmp_path / "case.zip")[0]))
    assert {event.get("user.account") for event in found if "snapshot" not in event} == {"login:li.na"}


def test_a_scope_of_times_and_systems_holds_for_frozen_and_stored_events(story: Story, tmp_path: Path) -> None:
    since, until = START + timedelta(minutes=1), START + timedelta(minutes=5)
    found = lines(unpacked(packed(story, tmp_path / "a.zip", since=since, until=until)[0]))
    assert [event["event.sequence"] for event in found[1:]] == [1, 2, 3, 4]
    found = lines(unpacked(packed(story, tmp_path / "b.zip", sources=["windows.security"])[0]))
    assert [event["event.sequence"] for event in found[1:]] == [12]


def test_third_parties_are_left_out_the_proof_holds_and_the_reader_sees_that_something_is_missing(
    story: Story, tmp_path: Path
) -> None:
    hide = Redaction(parties=[Party(person="1002", keys=("wang.wei@corp.example", "王伟"))])
    (bundle,) = packed(story, tmp_path / "case.zip", redaction=hide)
    verify(str(bundle), **SILENT)
    files = unpacked(bundle)
    assert json.loads(files["data/case.json"])["left_out"] == {"withheld": {"person": 1}}
    tree = json.loads(files["data/proof/tree.json"])
    assert tree["withheld"] == [7]
    assert story.ledger.node((7, 8)).hex() in tree["nodes"]["sha256"]
    assert not any(b"wang.wei" in data for name, data in files.items() if name != "verify.py")


def test_an_alert_that_names_a_third_party_keeps_its_leaf_and_loses_its_file(story: Story, tmp_path: Path) -> None:
    (one,) = story.snapshots
    (bundle,) = packed(story, tmp_path / "case.zip", hidden=frozenset({one.id}))
    verify(str(bundle), **SILENT)
    files = unpacked(bundle)
    assert {"alert": one.alert, "snapshot": one.id} in lines(files)
    assert not [name for name in files if name.startswith("data/alerts/")]


def test_an_entry_about_others_too_tells_who_did_what_when_and_not_about_whom(story: Story, tmp_path: Path) -> None:
    (bundle,) = packed(story, tmp_path / "case.zip", own=frozenset({"another"}))
    verify(str(bundle), **SILENT)
    told = [json.loads(line) for line in unpacked(bundle)["data/custody.ndjson"].splitlines()]
    assert [(one["by"], one["deed"], one["withheld"]) for one in told] == [("sec", "saw", e.digest) for e in entries()]
    assert not any("about" in one or "details" in one for one in told)


def test_a_field_withholds_others_not_the_persons_own(story: Story, tmp_path: Path) -> None:
    fields = ("email.to.address",)
    files = unpacked(packed(story, tmp_path / "a.zip", redaction=Redaction(fields))[0])
    assert json.loads(files["data/proof/tree.json"])["withheld"] == [7]
    own = Redaction(fields, own=["Wang.Wei@corp.example"])
    files = unpacked(packed(story, tmp_path / "b.zip", redaction=own)[0])
    assert json.loads(files["data/proof/tree.json"])["withheld"] == []


@pytest.mark.parametrize(
    "text",
    ["王伟 hat", '{"to":"\\u738b\\u4f1f"}', "/u?x=wang.wei%40corp.example&y", "To: WANG.WEI@corp.example;", "王伟"],
)
def test_a_third_party_is_found_however_the_log_writes_them(text: str) -> None:
    hide = Redaction(parties=[Party(person="1002", keys=("wang.wei@corp.example", "王伟"))])
    assert hide.why({"event.original": text}) == "person"


def test_who_has_a_name_within_another_word_is_not_meant() -> None:
    assert Redaction(parties=[Party(person="7", keys=("li",))]).why({"event.original": "public client"}) is None


def test_parts_prove_what_they_show_alone_and_are_the_case_together(story: Story, tmp_path: Path) -> None:
    parts = packed(story, tmp_path / "case.zip", piece=900, most=1)
    assert len(parts) > 2
    shown: list[int] = []
    for number, part in enumerate(parts, 1):
        verify(str(part), **SILENT)
        files = unpacked(part)
        record = json.loads(files["data/export.json"])
        assert [one["file"] for one in record["parts"]] == [path.name for path in parts]
        assert record["part"] == number
        shown += json.loads(files["data/proof/tree.json"])["indexes"][1:]
    assert sorted(shown) == [0, 1, 2, 3, 4, 5, 6, 7, 12]


def test_a_part_that_nothing_could_open_is_refused(story: Story, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="3 GiB"):
        packed(story, tmp_path / "case.zip", most=4 << 30)


def test_what_the_store_no_longer_has_comes_from_what_was_frozen(story: Story, tmp_path: Path) -> None:
    gone = replace(story, store=type(story.store)(story.store.frame.clear()))
    found = lines(unpacked(packed(gone, tmp_path / "case.zip")[0]))
    assert [event["event.sequence"] for event in found[1:]] == [0, 1]


def test_an_event_that_was_changed_in_the_store_is_never_exported(story: Story, tmp_path: Path) -> None:
    import polars as pl

    changed = story.store.frame.with_columns(pl.col("data.records") + 1)
    with pytest.raises(Broken, match="is not as it was"):
        packed(replace(story, store=type(story.store)(changed)), tmp_path / "case.zip")


def test_what_is_not_in_a_signed_tree_yet_is_left_out(tmp_path: Path) -> None:
    story = a_story()
    story.ledger.signed.pop()
    story = replace(story, snapshots=())
    found = lines(unpacked(packed(story, tmp_path / "case.zip")[0]))
    assert [event["event.sequence"] for event in found] == [0, 1, 2, 3]


def test_without_a_signed_head_nothing_can_be_proved(tmp_path: Path) -> None:
    story = a_story()
    story.ledger.signed.clear()
    with pytest.raises(Broken, match="no signed head"):
        packed(story, tmp_path / "case.zip")


def test_a_bundle_appears_whole_or_not_at_all(story: Story, tmp_path: Path) -> None:
    class Stops(Exception):
        pass

    class Stopping:
        def public(self) -> bytes:
            return story.signer.public()

        def sign(self, data: bytes) -> bytes:
            raise Stops

    with pytest.raises(Stops):
        packed(replace(story, signer=Stopping()), tmp_path / "case.zip")  # type: ignore[arg-type]
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_other_programs_read_the_container(story: Story, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed(story, tmp_path / "case.zip")[0]) as container:
        assert container.testzip() is None
        assert {one.compress_type for one in container.infolist()} == {zipfile.ZIP_STORED}
        assert container.namelist() == sorted(container.namelist())


@given(st.text(), st.sampled_from(FORMULA))
def test_no_cell_of_a_table_is_a_formula(text: str, start: str) -> None:
    import csv

    made = row(3, {"file.name": start + text}, ("leaf", "file.name")).decode()
    ((leaf, cell),) = csv.reader(io.StringIO(made, newline=""))
    assert (leaf, cell) == ("3", "'" + start + text)


def test_the_graph_has_everything_it_points_to_in_the_words_of_case_and_uco(story: Story, tmp_path: Path) -> None:
    files = unpacked(packed(story, tmp_path / "case.zip")[0])
    made = json.loads(files["data/case-uco.jsonld"])
    nodes = {node["@id"]: node for node in made["@graph"]}
    pointed = [one["@id"] for node in nodes.values() for one in node.get("uco-core:object", ())]
    assert pointed
    assert set(pointed) <= nodes.keys()
    kinds = {node["@type"] for node in nodes.values()}
    assert {"case-investigation:Investigation", "case-investigation:ProvenanceRecord", "uco-observable:File"} <= kinds
    assert all(word.split(":")[0] in made["@context"] for node in nodes.values() for word in node if word[0] != "@")
    digests = {
        facet["uco-observable:hash"][0]["uco-types:hashValue"]["@value"]
        for node in nodes.values()
        for facet in node.get("uco-core:hasFacet", ())
        if "uco-observable:hash" in facet
    }
    listed = files["manifest-sha256.txt"].decode()
    assert digests
    assert all(digest in listed for digest in digests)


def test_the_graph_is_the_same_for_the_same_case() -> None:
    case = {"id": "c", "state": "new", "opened": "2026-03-02T09:00:00.000000Z", "persons": [{"id": "1"}]}
    assert graph(case, entries(), ()) == graph(case, entries(), ())


CASE = {
    "id": "c", "state": "confirmed", "opened": "2026-03-02", "score": 40.0, "decided": "2026-03-03", "by": "legal",
    "reason": "<script>alert(1)</script>", "persons": [{"id": "1", "name": "李娜", "title": "", "department": "销售"}],
    "left_out": {"withheld": {"person": 3, "email.subject": 1}, "unproven": 2},
}  # fmt: skip
FAVOUR = {
    "approvals": [{"kind": "handover", "id": "H1", "purpose": "to wang.wei", "since": "a", "until": "b", "filed": "c"}],
    "exceptions": [], "lowered": [], "quiet": [],
    "usual": [{"term": "mass_export", "observed": 12000, "own_usual": 210, "peers_usual": None}],
}  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_account_tells_what_was_found_what_speaks_for_the_person_and_what_is_not_shown(lang: str) -> None:
    bodies = [json.loads(a_snapshot("a1", []).body), {"hidden": "2026-03-04"}]
    hide = Redaction(parties=[Party(person="1002", keys=("wang.wei",))])
    told = account(CASE, bodies, FAVOUR, hide.without, lang)  # type: ignore[arg-type]
    assert "12,000" in told
    assert "210" in told
    assert "2026-03-04" in told
    assert "H1" in told
    assert "wang" not in told
    assert "<script>" not in told


def test_reading_a_bundle_unpacks_nothing(story: Story, tmp_path: Path) -> None:
    (bundle,) = packed(story, tmp_path / "case.zip")
    before = sorted(tmp_path.rglob("*"))
    found = Bundle(str(bundle), print)
    found.open()
    assert "data/case.json" in found.files
    assert sorted(tmp_path.rglob("*")) == before
