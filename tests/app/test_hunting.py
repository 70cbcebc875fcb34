"""Other people's rules: every one accounted for when imported, and put to files without a store."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from app.cli import app
from core.errors import LeaverwatchError

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


RENAMED = "transformations: [{type: field_name_mapping, mapping: {what.was.read: ObjectName}}]\n"


@pytest.mark.parametrize("lies", ["beside the rules", "elsewhere"])
def test_a_pack_with_a_pipeline_is_imported_with_it_and_changes_no_other(tmp_path: Path, lies: str) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    text = RULE.format(n=1, source="product: windows, service: security", selection="what.was.read|contains: secret")
    (folder / "r.yml").write_text(text)
    event = {"EventID": 4663, "Channel": "Security", "EventTime": "2026-03-02 09:00:00", "ObjectName": "D:\\secret"}
    event |= {"SubjectUserName": "li.na", "SubjectDomainName": "CORP"}
    log = tmp_path / "log.jsonl"
    log.write_bytes(orjson.dumps(event) + b"\n")
    assert run(tmp_path, "ingest", "windows_security", str(log))[0] == 0
    without = orjson.loads(run(tmp_path, "rules", "import", str(folder), "--json")[1])
    assert "what.was.read" in without["rules"][0]["reason"]
    pipeline = (folder if lies == "beside the rules" else tmp_path) / "renamed.yml"
    pipeline.write_text(RENAMED)
    more = [] if lies == "beside the rules" else ["--pipeline", str(pipeline)]
    told = orjson.loads(run(tmp_path, "rules", "import", str(folder), *more, "--json")[1])
    assert (told["runs"], told["copied"]) == (1, 2)
    (own,) = (tmp_path / "data/rules/imported").iterdir()
    assert own.name.startswith("theirs-")
    assert sorted(path.name for path in own.iterdir()) == ["r.yml", "renamed.yml"]
    found = orjson.loads(run(tmp_path, "hunt", "5a1b3c5d-0000-4000-8000-000000000001", "--json")[1])
    assert len(found["alerts"]) == 1
    _, out, _ = run(tmp_path, "hunt", str(folder / "r.yml"), "--events", str(log), "--pipeline", str(pipeline))
    assert len(out.splitlines()) == 1
    other = tmp_path / "others"
    other.mkdir()
    (other / "r.yml").write_text(text.replace("0001", "0002"))
    assert orjson.loads(run(tmp_path, "rules", "import", str(other), "--json")[1])["runs"] == 0


def test_a_pack_with_a_pipeline_takes_away_no_other_packs_rule(tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        text = RULE.format(n=number, source="product: windows, service: security", selection="ObjectName: x")
        (tmp_path / name / "r.yml").write_text(text)
        (tmp_path / "p.yml").write_text("transformations: []\n")
        more = ["--pipeline", str(tmp_path / "p.yml")] if number else []
        assert run(tmp_path, "rules", "import", str(tmp_path / name), *more)[0] == 0
    listed = orjson.loads(run(tmp_path, "rules", "list", "--json")[1])
    assert {f"5a1b3c5d-0000-4000-8000-00000000000{n}" for n in (0, 1)} <= {rule["name"] for rule in listed}


def test_a_pack_imported_anew_with_a_pipeline_is_not_there_twice(tmp_path: Path) -> None:
    folder = rules(tmp_path / "theirs")
    assert run(tmp_path, "rules", "import", str(folder))[0] == 0
    (tmp_path / "p.yml").write_text("transformations: []\n")
    assert run(tmp_path, "rules", "import", str(folder), "--pipeline", str(tmp_path / "p.yml"))[0] == 0
    assert run(tmp_path, "rules", "list")[0] == 0
    assert run(tmp_path, "rules", "import", str(folder))[0] == 0
    code, listed, _ = run(tmp_path, "rules", "list", "--json")
    assert code == 0
    assert "5a1b3c5d-0000-4000-8000-000000000001" in {rule["name"] for rule in orjson.loads(listed)}


def test_a_pipeline_that_runs_commands_is_refused_with_all_that_it_should_change(tmp_path: Path) -> None:
    folder = rules(tmp_path / "theirs")
    (folder / "p.yml").write_text("transformations: [{type: command_placeholders, command: [touch, x]}]\n")
    told = orjson.loads(run(tmp_path, "rules", "import", str(folder), "--json")[1])
    assert (told["runs"], told["copied"], told["refused"]) == (0, 0, 5)


WINDOWS = "product: windows, service: security"
FAILING = """
transformations:
- {type: detection_item_failure, message: no, field_name_conditions: [{type: include_fields, fields: [Image]}]}
"""


def pack(folder: Path, n: int, selection: str, pipeline: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"r{n}.yml").write_text(RULE.format(n=n, source=WINDOWS, selection=selection))
    if pipeline:
        (folder / "p.yml").write_text(pipeline)
    return folder


def brought(tmp_path: Path, folder: Path, *more: str) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(run(tmp_path, "rules", "import", str(folder), *more, "--json")[1])
    return told


def in_force(tmp_path: Path) -> set[int]:
    """The numbers of the imported rules that are in force."""
    code, listed, _ = run(tmp_path, "rules", "list", "--json")
    assert code == 0
    return {int(rule["name"][-4:]) for rule in orjson.loads(listed) if rule["name"].startswith("5a1b3c5d")}


def test_packs_in_folders_of_one_name_do_not_change_each_other(tmp_path: Path) -> None:
    one = pack(tmp_path / "a" / "rules", 1, "Image: x", RENAMED)
    other = pack(tmp_path / "b" / "rules", 2, "ObjectName: x", FAILING)
    for folder in (one, other):
        assert brought(tmp_path, folder)["copied"] == 2
    assert in_force(tmp_path) == {1, 2}
    pipelines = (tmp_path / "data/rules/imported").glob("*/p.yml")
    assert sorted(file.read_text() for file in pipelines) == sorted([RENAMED, FAILING])


def test_a_pack_imported_anew_is_there_as_it_is_now(tmp_path: Path) -> None:
    folder = pack(pack(tmp_path / "theirs", 1, "ObjectName: x", RENAMED), 2, "ObjectName: y")
    assert brought(tmp_path, folder)["copied"] == 3
    (folder / "r2.yml").unlink()
    assert brought(tmp_path, folder)["copied"] == 2
    assert in_force(tmp_path) == {1}
    (folder / "p.yml").unlink()
    assert brought(tmp_path, folder)["copied"] == 1
    assert [file.name for file in (tmp_path / "data/rules").rglob("*.yml")] == ["r1.yml"]


def test_verdicts_are_of_the_rules_where_they_will_lie(tmp_path: Path) -> None:
    """A pipeline that lies above is counted, and a rule that is there already is not brought in twice."""
    imported = tmp_path / "data/rules/imported"
    imported.mkdir(parents=True)
    (imported / "p.yml").write_text(FAILING)
    folder = pack(pack(tmp_path / "theirs", 1, "Image: x"), 2, "ObjectName: x")
    told = brought(tmp_path, folder)
    assert (told["runs"], told["refused"], told["copied"]) == (1, 1, 1)
    (verdict,) = [one for one in told["rules"] if one["outcome"] == "refused"]
    assert verdict["file"] == str(folder / "r1.yml")
    assert verdict["reason"].startswith(f"{folder / 'r1.yml'}: {imported / 'p.yml'}: step 1, detection_item_failure")
    (copy := pack(tmp_path / "copy", 2, "ObjectName: x", RENAMED)).joinpath("r2.yml").rename(copy / "other.yml")
    again = brought(tmp_path, copy)
    assert "is there already" in again["rules"][0]["reason"]
    assert in_force(tmp_path) == {2}


def test_what_would_leave_rules_that_cannot_be_loaded_is_not_brought_in(tmp_path: Path) -> None:
    """A file that takes the place of one that another pack's rule builds on."""
    assert brought(tmp_path, pack(tmp_path / "one", 1, "ObjectName: x"))["copied"] == 1
    built = pack(tmp_path / "two", 2, "ObjectName: x")
    id_ = "5a1b3c5d-0000-4000-8000-000000000001"
    (built / "built.yml").write_text(CORRELATION.format(name="built", base=id_))
    assert brought(tmp_path, built)["copied"] == 2
    assert brought(tmp_path, tmp_path / "one")["copied"] == 1, "what others build on may be imported again"
    changed = pack(tmp_path / "three", 3, "ObjectName: x")
    (changed / "r1.yml").write_text(RULE.format(n=4, source=WINDOWS, selection="ObjectName: x"))
    before = {file: file.read_text() for file in (tmp_path / "data/rules").rglob("*.yml")}
    line = ["--data", str(tmp_path / "data"), "rules", "import", str(changed)]
    with pytest.raises(LeaverwatchError, match=r"built\.yml"):
        CliRunner().invoke(app, line, catch_exceptions=False)
    assert {file: file.read_text() for file in (tmp_path / "data/rules").rglob("*.yml")} == before


def test_rules_go_nowhere_without_the_pipeline_that_changes_them(tmp_path: Path) -> None:
    never = RULE.format(n=2, source="product: okta, service: okta", selection="eventType: x")
    folder = pack(tmp_path / "theirs", 1, "ObjectName: x", f"{RENAMED}---{never}")
    told = brought(tmp_path, folder)
    assert (told["runs"], told["never"], told["copied"]) == (1, 1, 0)


RUBBISH = {
    "title: [": "p.yml:1: ",
    "a: 1": "title",
    RULE.format(n=7, source="product: windows", selection="A: b"): "p.yml: is no pipeline",
    "\n": "p.yml: is no pipeline",
    "# transformations:\n": "p.yml: is no pipeline",
    "": "p.yml is no file",
}


@pytest.mark.parametrize("name", ["ecs.txt", "placeholders.yml", "ecs"])
def test_a_pipeline_that_would_not_be_read_again_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(RENAMED)
    line = ["rules", "import", str(rules(tmp_path / "theirs")), "--pipeline", str(tmp_path / name)]
    with pytest.raises(LeaverwatchError, match="the name of a pipeline"):
        CliRunner().invoke(app, ["--data", str(tmp_path / "data"), *line], catch_exceptions=False)
    assert not (tmp_path / "data" / "rules").exists()


@pytest.mark.parametrize("text", RUBBISH)
def test_what_is_given_as_a_pipeline_is_one(tmp_path: Path, text: str) -> None:
    pipeline = tmp_path / "p.yml"
    if text:
        pipeline.write_text(text)
    line = ["hunt", str(rules(tmp_path / "theirs")), "--events", "x", "--pipeline", str(pipeline)]
    with pytest.raises(LeaverwatchError, match=RUBBISH[text]):
        CliRunner().invoke(app, line, catch_exceptions=False)


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


@pytest.mark.parametrize(
    ("source", "selections", "never"),
    [
        (
            "product: azure, service: signinlogs",
            {"code": "ResultType: 50126", "country": "location: CN", "status": "Status: Success"},
            {"status": "entra has Status"},
        ),
        (
            "category: proxy",
            {
                "address": "c-uri|contains: example",
                "method": "cs-method: [GET, CONNECT]",
                "type": "c-uri-extension: zip",
            },
            {"type": "proxy has c-uri-extension"},
        ),
        ("product: azure, service: auditlogs", {"any": "operationName: x"}, {"any": "none of ours"}),
    ],
    ids=["sign-ins", "proxy", "audit"],
)
def test_rules_are_held_against_the_fields_of_the_source_that_feeds_them(
    tmp_path: Path, source: str, selections: dict[str, str], never: dict[str, str]
) -> None:
    for name in ("entra_signin", "proxy_cef"):
        (sample,) = Path(f"ingest/sources/{name}").glob("sample.*")
        assert run(tmp_path, "ingest", name, str(sample))[0] == 0
    folder = tmp_path / "theirs"
    folder.mkdir()
    for number, (name, selection) in enumerate(selections.items()):
        (folder / f"{name}.yml").write_text(RULE.format(n=number, source=source, selection=selection))
    told = orjson.loads(run(tmp_path, "rules", "import", str(folder), "--json")[1])
    verdicts = {Path(rule["file"].partition(".yml")[0]).name: rule for rule in told["rules"]}
    assert {name for name, rule in verdicts.items() if rule["outcome"] == "never"} == never.keys()
    for name, why in never.items():
        assert why in verdicts[name]["reason"]
    for name in selections.keys() - never.keys():
        found = orjson.loads(run(tmp_path, "hunt", str(folder / f"{name}.yml"), "--json")[1])
        assert found["persons"] >= 1, name


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


FAILED = """
title: Failed logon
name: failed
id: 5a1b3c5d-0000-4000-8000-000000000009
logsource: {product: windows, service: security}
detection: {s: {EventID: 4625}, condition: s}
---
title: Started
name: started
logsource: {product: windows, category: process_creation}
detection: {s: {CommandLine|contains: whoami}, condition: s}
"""


def together(name: str, kind: str, bases: str, more: str) -> str:
    correlation = f"{{type: {kind}, rules: [{bases}], timespan: 10m, {more}}}"
    return f"---\ntitle: {name}\nname: {name}\ncorrelation: {correlation}\nlevel: high\n"


def hunted(tmp_path: Path, rules: str, events: list[object]) -> tuple[list[dict[str, object]], str]:
    (tmp_path / "r.yml").write_text(rules, encoding="utf-8")
    (tmp_path / "e.jsonl").write_bytes(b"\n".join(map(orjson.dumps, events)))
    code, out, err = run(tmp_path, "hunt", str(tmp_path / "r.yml"), "--events", str(tmp_path / "e.jsonl"))
    assert code == 0
    return [orjson.loads(line) for line in out.splitlines()], err


def logon(minute: int, user: str = "bob", **more: object) -> dict[str, object]:
    at = {"@timestamp": f"2026-03-02T09:{minute:02}:00Z"}
    return {"Channel": "Security", "EventID": 4625, "TargetUserName": user, **at, **more}


def test_a_correlation_is_hunted_over_a_file_whatever_the_order_of_its_records(tmp_path: Path) -> None:
    burst = together("burst", "event_count", "failed", "group-by: [TargetUserName], condition: {gte: 3}")
    events: list[object] = [logon(7), logon(3, "eve"), logon(1), logon(4), logon(5), logon(40)]
    (found,), err = hunted(tmp_path, FAILED + burst, events)
    assert not err
    assert found == {
        "rule": "burst", "id": "", "title": "burst", "level": "high", "file": "e.jsonl", "record": 5,
        "time": "2026-03-02T09:05:00Z", "group": {"TargetUserName": "bob"}, "value": 4,
        "first": "2026-03-02T09:01:00Z", "last": "2026-03-02T09:07:00Z", "events": 4, "records": [3, 4, 5, 1],
    }  # fmt: skip


def test_rules_that_a_correlation_builds_on_speak_where_it_says_generate(tmp_path: Path) -> None:
    burst = together("burst", "event_count", "failed", "generate: true, condition: {gte: 2}")
    found, _ = hunted(tmp_path, FAILED + burst, [logon(1), logon(2)])
    assert [one["rule"] for one in found] == ["failed", "failed", "burst"]


def test_aliases_and_names_of_fields_that_a_log_source_has_lead_to_one_group(tmp_path: Path) -> None:
    more = "aliases: {who: {failed: TargetUserName, started: User}}, group-by: [who]"
    events = [
        logon(1, "bob"),
        {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "CommandLine": "whoami", "User": "bob",
         "UtcTime": "2026-03-02 09:05:00.123"},
        {"Channel": "Security", "EventID": 4688, "ProcessCommandLine": "whoami", "CommandLine": "whoami",
         "SubjectUserName": "eve", "EventTime": 1772442060},
    ]  # fmt: skip
    (found,), _ = hunted(tmp_path, FAILED + together("both", "temporal_ordered", "failed, started", more), events)
    assert (found["group"], found["records"], found["value"]) == ({"who": "bob"}, [1, 2], None)


def test_numbers_are_added_up_and_what_is_none_adds_nothing(tmp_path: Path) -> None:
    total = together("total", "value_sum", "failed", "condition: {field: Size, gt: 0.25}")
    sizes = ["0.1", 0.2, "x", None, float(2**70), "nan", [0.5]]
    (found,), _ = hunted(tmp_path, FAILED + total, [logon(n, Size=size) for n, size in enumerate(sizes)])
    assert found["value"] == 0.8
    assert found["events"] == 7


def test_records_without_a_time_are_counted_and_not_correlated(tmp_path: Path) -> None:
    burst = together("burst", "event_count", "failed", "condition: {gte: 1}")
    events: list[object] = [{"Channel": "Security", "EventID": 4625}, logon(1), logon(2, **{"@timestamp": "yesterday"})]
    (found,), err = hunted(tmp_path, FAILED + burst, events)
    assert found["records"] == [2]
    assert "2 records do not say when they were" in err
    assert "record 1, 3" in err


def test_correlations_that_cannot_be_run_are_named_and_silence_nobody(tmp_path: Path) -> None:
    broken = FAILED.replace("title: Started", "title: Odd").replace("CommandLine|contains: whoami", "A|re: '(?<=x)y'")
    texts = [
        together("lost", "event_count", "nowhere", "condition: {gte: 1}"),
        together("odd", "event_count", "started", "condition: {gte: 1}"),
        together("trip", "temporal", "round", ""),
        together("round", "temporal", "trip", ""),
        together("whose", "event_count", "failed", "condition: {gte: 1}") + "usual: {times: 2}\n",
    ]
    found, err = hunted(tmp_path, broken + "".join(texts), [logon(1)])
    assert [one["rule"] for one in found] == ["failed"]
    for said in ("no rule called nowhere", "started, which it builds on, cannot be run", "circle", "`usual` needs the"):
        assert said in err


def test_many_records_wait_on_disk_and_too_many_at_once_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    burst = together("burst", "event_count", "failed", "group-by: [TargetUserName], condition: {gte: 3}")
    events: list[object] = [logon(n // 2 % 60, f"u{n % 2}") for n in range(60)]
    whole, _ = hunted(tmp_path, FAILED + burst, events)
    assert [one["value"] for one in whole] == [10, 10]
    monkeypatch.setattr("app.hunting.AT_ONCE", 7)
    monkeypatch.setattr("app.gathering.ROWS_AT_ONCE", 20)
    assert hunted(tmp_path, FAILED + burst, events) == (whole, "")
    monkeypatch.setattr("app.gathering.MOST_AT_ONCE", 20)
    _, err = hunted(tmp_path, FAILED + burst, events)
    assert "burst: more than 20 records bear on its windows at once" in err


DC = RULE.format(n=7, source="product: windows, service: security", selection="Computer|expand: '%dcs%'")


def test_a_rule_with_placeholders_runs_once_its_values_are_given(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "dc.yml").write_text(DC, encoding="utf-8")
    told = orjson.loads(run(tmp_path, "rules", "import", str(folder), "--json")[1])
    assert (told["refused"], told["copied"]) == (1, 0)
    assert "%dcs% has no values" in told["rules"][0]["reason"]
    (tmp_path / "data" / "rules").mkdir(parents=True)
    (tmp_path / "data" / "rules" / "placeholders.yml").write_text("dcs: [DC-*, 10]", encoding="utf-8")
    told = orjson.loads(run(tmp_path, "rules", "import", str(folder), "--json")[1])
    assert (told["runs"], told["copied"]) == (1, 1)
    _, listed, _ = run(tmp_path, "rules", "list", "--json")
    assert "5a1b3c5d-0000-4000-8000-000000000007" in {rule["name"] for rule in orjson.loads(listed)}


def test_values_that_come_with_rules_are_imported_with_them(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "dc.yml").write_text(DC, encoding="utf-8")
    (folder / "placeholders.yml").write_text("dcs: DC-1", encoding="utf-8")
    told = orjson.loads(run(tmp_path, "rules", "import", str(folder), "--json")[1])
    assert (told["runs"], told["copied"]) == (1, 2)
    assert run(tmp_path, "rules", "list")[0] == 0
    (folder / "placeholders.yml").write_text("dcs: [[1]]", encoding="utf-8")
    told = orjson.loads(run(tmp_path, "rules", "import", str(folder), "--json")[1])
    assert (told["runs"], told["refused"], told["copied"]) == (1, 1, 1)


def test_a_hunt_takes_values_from_beside_the_rule(tmp_path: Path) -> None:
    (tmp_path / "placeholders.yml").write_text("dcs: [DC-?, eve]", encoding="utf-8")
    events: list[object] = [{"Channel": "Security", "Computer": name} for name in ("dc-1", "dc-10", "DC-?", "Eve")]
    found, err = hunted(tmp_path, DC, events)
    assert [one["record"] for one in found] == [1, 3, 4]
    assert not err
