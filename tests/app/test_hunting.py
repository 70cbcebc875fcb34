"""Other people's rules: every one accounted for when imported, and put to files without a store."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
from typer.testing import CliRunner

from app.cli import app

RULE = """
title: Secret read
id: 5a1b3c5d-0000-4000-8000-00000000000{n}
logsource: {{{source}}}
detection: {{s: {{{selection}}}, condition: s}}
level: high
"""


def rules(folder: Path) -> Path:
    folder.mkdir()
    windows = "product: windows, service: security"
    texts = {
        "runs": RULE.format(n=1, source=windows, selection="ObjectName|contains: secret"),
        "never": RULE.format(n=2, source="product: okta, service: okta", selection="eventType: x"),
        "bad": RULE.format(n=3, source=windows, selection="ObjectName|re: '(?<=x)y'"),
        "broken": "title: [",
    }
    for name, text in texts.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder


def run(tmp_path: Path, *line: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["--data", str(tmp_path / "data"), *line])
    return done.exit_code, done.stdout, done.stderr


def test_every_rule_is_accounted_for_and_what_runs_is_in_force(tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, "rules", "import", str(rules(tmp_path / "theirs")), "--json")
    told = orjson.loads(out)
    assert code == 0
    assert (told["runs"], told["never"], told["refused"], told["copied"]) == (1, 1, 2, 1)
    by_file = {Path(rule["file"].partition(".yml")[0]).name: rule for rule in told["rules"]}
    assert "okta" in by_file["never"]["reason"]
    assert "linear time" in by_file["bad"]["reason"]
    assert "broken.yml:1" in by_file["broken"]["reason"]
    _, listed, _ = run(tmp_path, "rules", "list", "--json")
    assert "5a1b3c5d-0000-4000-8000-000000000001" in {rule["name"] for rule in orjson.loads(listed)}


def test_a_rule_on_fields_that_no_stored_record_has_is_told_so(tmp_path: Path) -> None:
    event = {"EventID": 4663, "Channel": "Security", "EventTime": "2026-03-02 09:00:00", "objectname": "D:\\a.xlsx"}
    (tmp_path / "log.jsonl").write_bytes(orjson.dumps(event) + b"\n")
    assert run(tmp_path, "ingest", "windows_security", str(tmp_path / "log.jsonl"))[0] == 0
    folder = rules(tmp_path / "theirs")
    text = RULE.format(n=4, source="product: windows, service: security", selection="Nowhere|contains: secret")
    (folder / "nowhere.yml").write_text(text)
    either = text.replace("0004", "0005").replace("condition: s", "t: {ObjectName: y}, condition: s or t")
    (folder / "either.yml").write_text(either)
    told = orjson.loads(run(tmp_path, "rules", "import", str(folder), "--check", "--json")[1])
    by_file = {Path(rule["file"].partition(".yml")[0]).name: rule for rule in told["rules"]}
    assert {name: by_file[name]["outcome"] for name in ("runs", "nowhere", "either")} == {
        "runs": "runs", "nowhere": "never", "either": "runs",
    }  # fmt: skip
    assert "windows has Nowhere" in by_file["nowhere"]["reason"]


def test_a_hunt_prints_matches_and_names_what_it_could_not_read(tmp_path: Path) -> None:
    records = tmp_path / "events.jsonl.gz"
    lines = [b'{"EventID": 4663, "Channel": "Security", "ObjectName": "D:\\\\Secret"}', b"{", b"{}"]
    records.write_bytes(gzip.compress(b"\n".join(lines)))
    code, out, err = run(tmp_path, "hunt", str(rules(tmp_path / "theirs")), "--events", str(records))
    (found,) = map(orjson.loads, out.splitlines())
    assert code == 0
    assert (found["rule"], found["record"], found["file"]) == (found["id"], 1, "events.jsonl.gz")
    assert found["event"]["ObjectName"] == "D:\\Secret"
    assert "record 2" in err
    assert "linear time" in err
    assert not (tmp_path / "data").exists()


def test_a_file_is_hunted_as_a_whole(tmp_path: Path) -> None:
    folder = str(rules(tmp_path / "theirs"))
    code, _, err = run(tmp_path, "hunt", folder, "--events", "events.jsonl", "--since", "2026-01-01")
    assert code == 2
    assert "--since" in err


CORRELATION = """
title: {name}
name: {name}
correlation: {{type: event_count, rules: [{base}], group-by: [person.id], timespan: 1d, condition: {{gte: 2}}}}
level: high
"""


def test_correlations_are_imported_after_what_they_build_on_and_circles_are_refused(tmp_path: Path) -> None:
    folder = rules(tmp_path / "theirs")
    id_ = "5a1b3c5d-0000-4000-8000-000000000001"
    built = {"a_tower": "b_burst", "b_burst": id_, "of_ours": "crm_export", "round": "trip", "trip": "round"}
    for name, base in built.items():
        (folder / f"{name}.yml").write_text(CORRELATION.format(name=name, base=base), encoding="utf-8")
    _, out, _ = run(tmp_path, "rules", "import", str(folder), "--json")
    told = {Path(one["file"]).stem: one for one in orjson.loads(out)["rules"]}
    assert {name: told[name]["outcome"] for name in built} == {
        "a_tower": "runs",
        "b_burst": "runs",
        "of_ours": "runs",
        "round": "refused",
        "trip": "refused",
    }
    assert "circle" in told["trip"]["reason"]
    _, listed, _ = run(tmp_path, "rules", "list", "--json")
    assert {"a_tower", "b_burst", "of_ours"} <= {rule["name"] for rule in orjson.loads(listed)}
