"""The same files, whatever they are called meanwhile and in whatever order their lines arrive."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detection.judge
from core.errors import RuleError
from detection import selftest
from detection.behaviours.base import Scene
from detection.behaviours.company import Company
from detection.rulebook import RuleBook
from detection.selftest import RuleTest, raised
from detection.tagging import Tagger
from tests.detection.conftest import EXPORT, SURROUNDINGS, alerts, at, book, frame

LIST, PRICES, NOTHING = "a" * 64, "b" * 64, hashlib.sha256().hexdigest()


def tagged(action: str) -> str:
    return EXPORT.replace("exported", f"{action}d").replace("Exported", action).replace("export", action)


KNOWN = """
title: Known
name: known
logsource: {product: leaverwatch}
detection: {s: {file.hash.sha256|exists: true}, condition: s}
level: informational
"""
STEPS = "steps: {disguise: [renamed], take: [shared]}, needs: [disguise, take]"
RULES = book(
    tagged("rename"),
    tagged("share"),
    f"title: S\nname: sequence\nlevel: high\nbehaviour: {{type: sequence, {STEPS}, files: 2, days: 7}}\n",
)


def rename(when: str, old: str, new: str) -> dict[str, Any]:
    return {"@timestamp": at(when), "event.action": "rename", "file.path": old, "file.target_path": new}


def share(when: str, path: str) -> dict[str, Any]:
    return {"@timestamp": at(when), "event.action": "share", "file.path": path}


def by_content(files: int, days: int) -> RuleBook:
    return book(
        tagged("rename"),
        tagged("share"),
        KNOWN,
        f"title: S\nname: sequence\nlevel: high\nbehaviour: {{type: sequence, {STEPS}, files: {files}, days: {days},"
        " seen: [known], disguised: {step: disguise, documents: [xlsx], harmless: [jpg]}}\n",
    )


BY_CONTENT = by_content(files=2, days=7)


def known(when: str, path: str, content: str | None, action: str = "view") -> dict[str, Any]:
    return {"@timestamp": at(when), "event.action": action, "file.path": path, "file.hash.sha256": content}


def copied() -> list[dict[str, Any]]:
    """Two documents that leave under other names, none of which any log calls a renaming."""
    return [
        known("02T10:00", "C:\\d\\Kunden.xlsx", LIST),
        known("02T10:01", "C:\\d\\preise.xlsx", PRICES.upper()),
        known("03T10:00", "D:\\a.jpg", LIST, "share"),
        known("04T10:00", "https://x/b.jpg", PRICES, "share"),
    ]


def story() -> list[dict[str, Any]]:
    return [
        rename("02T10:00", "/a/Kunden.xlsx", "IMG_1.jpg"),
        rename("02T10:01", "/a/preise.xlsx", "IMG_2.jpg"),
        rename("03T10:00", "/a/IMG_1.jpg", "holiday.jpg"),
        share("04T10:00", "https://x/HOLIDAY.jpg"),
        share("04T10:05", "C:\\b\\IMG_2.jpg"),
    ]


def test_files_are_followed_through_every_new_name() -> None:
    (alert,) = alerts(RULES, story())
    assert alert.time == at("04T10:05")
    assert alert.facts["observed"] == 2
    assert alert.facts["phases"] == "disguise, take"
    assert alert.facts["first"] == "2026-03-02T02:00:00+00:00"


@pytest.mark.parametrize("order", [(4, 3, 2, 1, 0), (2, 4, 0, 3, 1)])
def test_the_order_of_arrival_changes_nothing(order: Sequence[int]) -> None:
    rows = [{"event.id": str(number), **row} for number, row in enumerate(story())]
    assert alerts(RULES, [rows[number] for number in order]) == alerts(RULES, rows)


def test_later_names_do_not_speak_for_earlier_deeds() -> None:
    rows = [share("02T09:00", "/a/IMG_1.jpg"), share("02T09:01", "/a/IMG_2.jpg"), *story()[:2]]
    assert alerts(RULES, rows) == []


def test_it_is_over_after_the_days_of_the_rule() -> None:
    rows = [*story()[:2], share("09T10:30", "IMG_1.jpg"), share("09T10:31", "IMG_2.jpg")]
    assert alerts(RULES, rows) == []
    rows = [*story()[:2], share("09T09:30", "IMG_1.jpg"), share("09T09:31", "IMG_2.jpg")]
    assert len(alerts(RULES, rows)) == 1


def test_one_persons_names_are_not_anothers() -> None:
    other = {"user.account": "mail:wang.wei@example.com"}
    assert alerts(RULES, [row | other if row["event.action"] == "share" else row for row in story()]) == []


def test_a_circle_of_names_ends() -> None:
    rows = [rename(f"02T10:{n:02}", f"f{n % 3}", f"f{(n + 1) % 3}") for n in range(50)]
    rows += [share("02T12:00", "f0"), share("02T12:01", "f1")]
    assert len(alerts(RULES, rows)) <= 1


def test_whoever_has_more_events_than_fit_gets_the_same_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for day in range(2, 28) for row in (rename(f"{day:02}T10:00", f"a{day}", f"b{day}"),)]
    rows += [share(f"{day:02}T11:00", f"b{day - 1}") for day in range(3, 28)]
    whole = alerts(RULES, rows)
    assert len(whole) > 5
    monkeypatch.setattr(detection.judge, "EVENTS_AT_ONCE", 7)
    assert alerts(RULES, rows) == whole


def test_one_content_under_two_names_is_one_file() -> None:
    (alert,) = alerts(BY_CONTENT, copied())
    assert alert.time == at("04T10:00")
    assert alert.facts["observed"] == 2
    assert alert.facts["phases"] == "disguise, take"
    assert alert.facts["linked"] == "content"
    assert alerts(BY_CONTENT, copied()[:3]) == []


@pytest.mark.parametrize("rows", [story(), copied()])
def test_any_order_of_arrival_and_every_day_by_itself_give_the_same(rows: list[dict[str, Any]]) -> None:
    rows = [{"event.id": str(number), **row} for number, row in enumerate(rows)]
    whole = alerts(BY_CONTENT, rows)
    assert whole
    for order in list(permutations(rows))[::7]:
        assert alerts(BY_CONTENT, list(order)) == whole
    days = [date(2026, 3, number) for number in range(1, 20)]
    assert [alert for day in days for alert in alerts(BY_CONTENT, rows, days=(day, day))] == whole


def test_names_and_contents_lead_from_one_system_to_the_other() -> None:
    """Renamed in the cloud, where nobody looks at contents; seen on a computer; shared under a third name."""
    rows = [
        rename("02T10:00", "https://x/Kunden.xlsx", "Urlaub.jpg"),
        rename("02T10:01", "https://x/preise.xlsx", "Strand.jpg"),
        known("03T10:00", "C:\\d\\urlaub.jpg", LIST),
        known("03T10:01", "C:\\d\\strand.jpg", PRICES),
        known("04T10:00", "a.bin", LIST, "share"),
        known("04T10:01", "b.bin", PRICES, "share"),
    ]
    (alert,) = alerts(BY_CONTENT, rows)
    assert (alert.facts["observed"], alert.facts["linked"]) == (2, "name, content")
    assert alerts(BY_CONTENT, [*rows[:2], *rows[4:]]) == []


def test_what_ties_two_names_may_come_to_light_after_the_deed() -> None:
    rows = [
        rename("02T10:00", "Kunden.xlsx", "u.jpg"),
        rename("02T10:01", "preise.xlsx", "s.jpg"),
        known("03T10:00", "a.bin", LIST, "share"),
        known("03T10:01", "b.bin", PRICES, "share"),
    ]
    assert alerts(BY_CONTENT, rows) == []
    (alert,) = alerts(BY_CONTENT, [*rows, known("05T10:00", "s.jpg", PRICES), known("06T10:00", "u.jpg", LIST)])
    assert alert.time == at("06T10:00"), "not before it was known"


def test_no_content_and_what_is_long_ago_tie_nothing() -> None:
    assert alerts(BY_CONTENT, [row | {"file.hash.sha256": NOTHING} for row in copied()]) == []
    assert alerts(BY_CONTENT, [row | {"file.hash.sha256": LIST} for row in copied()]) == [], "one file twice"
    late = [known("12T10:00", "a.jpg", LIST, "share"), known("12T10:01", "b.jpg", PRICES, "share")]
    assert alerts(BY_CONTENT, [*copied()[:2], *late]) == []


def test_a_record_is_known_by_its_id_in_either_length() -> None:
    def about(when: str, action: str, record: str) -> dict[str, Any]:
        return {"@timestamp": at(when), "event.action": action, "crm.record_id": record}

    rows = [
        about("02T10:00", "rename", "00O5g00000AbcDe"),
        about("02T10:01", "rename", "00O5g00000AbcDE"),
        about("03T10:00", "share", "00O5g00000AbcDeEAJ"),
    ]
    (alert,) = alerts(RULES, [*rows, about("03T10:01", "share", "00O5g00000AbcDE")])
    assert (alert.facts["linked"], alert.facts["example"]) == ("record", "00O5g00000AbcDE")
    assert alerts(RULES, [*rows, about("03T10:01", "share", "00O5g00000AbcDf")]) == []


def test_a_report_called_by_name_in_one_system_and_by_id_in_the_other() -> None:
    both = {"crm.record_id": "00O5g00000AbcDe", "file.name": "Kunden Nord"}
    rows = [
        {"@timestamp": at("02T10:00"), "event.action": "rename", "crm.record_id": "00O5g00000AbcDe"},
        {"@timestamp": at("02T11:00"), "event.action": "rename", **both},
        {"@timestamp": at("03T10:00"), "event.action": "share", "file.path": "/x/kunden nord"},
    ]
    rows += [{**row, **{key: f"{row[key]}2" for key in row if key.startswith(("crm", "file"))}} for row in rows]
    (alert,) = alerts(RULES, rows)
    assert alert.facts["observed"] == 2


def test_a_content_that_everything_has_costs_no_more_than_its_share() -> None:
    rows = [known("02T10:00", f"f{number}.xlsx", LIST) for number in range(3000)]
    rows += [known("02T11:00", f"g{number}.jpg", LIST, "share") for number in range(3000)]
    assert alerts(BY_CONTENT, rows) == []


def deed(day: int, hour: int, path: str, content: str | None = None, action: str = "view") -> dict[str, Any]:
    moment = at("01T00:00") + timedelta(days=day, hours=hour)
    return {"@timestamp": moment, "event.action": action, "file.path": path, "file.hash.sha256": content}


def test_a_day_is_judged_alone_as_with_all_others_however_far_back_lies_what_bears_on_it() -> None:
    """A document seen a span before its disguise, taken out a span later, counts a span later still."""
    rows = [
        row
        for number, content in enumerate((LIST, PRICES))
        for row in (
            deed(0, number, f"list{number}.xlsx", content),
            deed(2, 22 + number, f"img{number}.jpg", content),
            deed(5, 20 + number, f"img{number}.jpg", None, "share"),
        )
    ]
    rows += [deed(8, 17, "c.xlsx", "c" * 64), deed(8, 18, "c.jpg", "c" * 64), deed(8, 19, "c.jpg", None, "share")]
    rules = by_content(files=3, days=3)
    rows = [{"event.id": str(number), **row} for number, row in enumerate(rows)]
    (alert,) = alerts(rules, rows)
    assert (alert.day, alert.facts["observed"]) == (date(2026, 3, 9), 3)
    assert alerts(rules, rows, days=(alert.day, alert.day)) == [alert]


def test_two_names_of_which_it_becomes_known_that_they_are_one_file_count_once() -> None:
    rows = [
        rename("02T10:00", "Kunden.xlsx", "a.jpg"),
        rename("02T10:01", "preise.xlsx", "b.jpg"),
        share("02T11:00", "a.jpg"),
        share("02T11:01", "b.jpg"),
    ]
    third = [rename("04T10:00", "plan.xlsx", "c.jpg"), share("04T11:00", "c.jpg")]
    assert alerts(by_content(files=3, days=7), [*rows, *third])[0].facts["observed"] == 3
    one = [known("03T10:00", "a.jpg", LIST), known("03T10:01", "b.jpg", LIST)]
    assert alerts(by_content(files=3, days=7), [*rows, *one, *third]) == []
    other = [known("03T10:00", "a.jpg", LIST), known("03T10:01", "b.jpg", PRICES)]
    assert len(alerts(by_content(files=3, days=7), [*rows, *other, *third])) == 1


def test_one_file_found_twice_is_one_though_what_tied_its_names_is_long_ago() -> None:
    rows = [
        known("02T10:00", "a.jpg", LIST),
        known("02T10:01", "b.jpg", LIST),
        rename("05T10:00", "x", "a.jpg"),
        share("08T10:00", "a.jpg"),
        rename("10T10:00", "y", "b.jpg"),
        share("10T11:00", "b.jpg"),
    ]
    assert [alert.facts["observed"] for alert in alerts(BY_CONTENT, rows)] == [2], "renamed, each is a new file"
    rows = [known("02T10:00", "a", LIST), known("02T10:01", "b", LIST)]
    rows += [
        known(f"{day:02}T10:00", name, None, act)
        for name, days in (("a", (5, 8)), ("b", (10, 11)))
        for day, act in zip(days, ("rename", "share"), strict=True)
    ]
    assert alerts(BY_CONTENT, rows) == []


def test_a_content_of_many_names_melts_no_files_and_is_one_file_itself() -> None:
    template = [known("02T09:00", f"{name}.xlsx", LIST) for name in "abcd"]
    renamed = [rename("03T10:00", f"{name}.xlsx", f"{name}.jpg") for name in "abcd"]
    shared = [share("04T10:00", f"{name}.jpg") for name in "abcd"]
    (alert,) = alerts(BY_CONTENT, [*template, *renamed, *shared])
    assert alert.facts["observed"] == 4
    same = [known("04T10:00", f"{name}.jpg", LIST, "share") for name in "abcd"]
    assert alerts(BY_CONTENT, [*template, *same]) == []


def test_one_name_with_ever_new_contents_is_one_file() -> None:
    rows = [known("02T10:00", "list.xlsx", f"{number:064x}") for number in range(1, 200)]
    rows += [known("02T11:00", "list.jpg", f"{number:064x}", "share") for number in range(1, 200)]
    assert alerts(BY_CONTENT, rows) == []


def test_what_is_kept_elsewhere_is_not_gone_with_a_copy() -> None:
    rules = book(
        tagged("share"),
        tagged("delete"),
        tagged("download"),
        "title: S\nname: sequence\nlevel: high\nbehaviour: {type: sequence, steps: {take: [shared], gone: [deleted]},"
        " needs: [take, gone], files: 1, days: 7, copies: {step: gone, rules: [deleted], kept: [downloadd]}}\n",
    )
    rows = [share("03T10:00", "a.xlsx"), known("04T10:00", "C:\\a.xlsx", LIST, "delete")]
    assert len(alerts(rules, rows)) == 1
    assert alerts(rules, [known("02T10:00", "https://x/a.xlsx", None, "download"), *rows]) == []
    assert len(alerts(rules, [known("02T10:00", "https://x/b.xlsx", None, "download"), *rows])) == 1
    with pytest.raises(RuleError, match="copies"):
        book(
            tagged("rename"),
            tagged("share"),
            f"title: S\nname: s\nbehaviour: {{type: sequence, {STEPS},"
            " copies: {step: take, rules: [renamed], kept: [shared]}}\n",
        )


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 3),
    st.lists(
        st.tuples(st.integers(0, 26), st.integers(0, 3), st.integers(0, 5), st.integers(0, 3)), min_size=5, max_size=40
    ),
)
def test_a_day_needs_the_days_of_its_reach_and_nothing_else(files: int, deeds: list[tuple[int, int, int, int]]) -> None:
    """Names go from file to file and contents from name to name."""
    rows = []
    for half_day, deed, one, other in deeds:
        row = known("01T10:00", f"{one}.{'xlsx' if one < 2 else 'jpg'}", f"{other:064}", "share")
        row |= {"@timestamp": row["@timestamp"] + timedelta(hours=12 * half_day)}
        row |= {"event.action": "rename", "file.target_path": f"{other}.jpg"} if deed == 0 else {}
        row |= {"event.action": "view"} if deed == 1 else {}
        rows.append(row | ({"file.hash.sha256": None} if deed in {0, 2} else {}))
    rules = by_content(files=files, days=2)
    rule = rules.rules["sequence"]
    behaviour = rule.behaviour
    assert behaviour is not None
    events = (
        Tagger(rules, SURROUNDINGS)
        .tag(frame(rows))
        .with_columns(
            pl.lit("li.na").alias("person.id"),
            pl.col("@timestamp").dt.convert_time_zone("Asia/Shanghai").dt.date().alias("day"),
        )
    )

    def found(seen: pl.DataFrame) -> pl.DataFrame:
        hits = {name: seen.filter(pl.col("rule.matched").list.contains(name)) for name in rule.leaves}
        return behaviour.find(Scene(hits=hits, calendar=SURROUNDINGS.calendar, company=cast(Company, None)))

    whole = found(events)
    for day in events["day"].unique():
        reach = pl.col("day").is_between(day - timedelta(days=behaviour.reach), day)
        assert found(events.filter(reach)).filter(day=day).equals(whole.filter(day=day))


@pytest.mark.parametrize("name", ["disguised_taken_out", "taken_out_then_deleted", "reports_taken_then_deleted"])
def test_the_tests_in_our_rules_say_the_same_of_each_day_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = RuleBook.load()
    for written in ours.rules[name].extra.tests:
        test = RuleTest.model_validate(written)
        whole = raised(ours, name, test)
        apart = []
        for day in (date(2026, 3, number) for number in range(1, 5)):
            monkeypatch.setattr(selftest, "ALL_DAYS", (day, day))
            apart += raised(ours, name, test)
        monkeypatch.undo()
        assert apart == whole, test.name


def test_a_test_inside_a_rule_sees_no_days_beyond_the_reach_of_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "title: S\nname: sequence\nlevel: high\nbehaviour: {type: sequence, steps: {disguise: [renamed],"
    rules = book(tagged("rename"), tagged("share"), f"{rule} take: [shared]}}, needs: [disguise, take], files: 1}}\n")
    rows = [story()[0], share("03T10:00", "img_1.jpg")]
    test = RuleTest(name="t", events=[{"person.id": "li.na", **row} for row in rows], matches=["li.na"])
    assert len(raised(rules, "sequence", test)) == 1
    monkeypatch.setattr(selftest, "ALL_DAYS", (date(2026, 3, 3), date(2026, 3, 3)))
    short = replace(rules, rules={name: replace(rule, reach=0, window=0) for name, rule in rules.rules.items()})
    assert raised(short, "sequence", test) == []


@pytest.mark.parametrize(
    "steps",
    [
        "steps: {a: [renamed]}, needs: [a]",
        "steps: {a: [renamed], b: [shared]}, needs: [a, c]",
        "steps: {a: [renamed], b: [shared]}, needs: [a, a]",
        "steps: {a: [renamed], b: []}, needs: [a, b]",
        "steps: {a: [renamed], b: [nobody]}, needs: [a, b]",
        "steps: [], needs: [a, b]",
    ],
)
def test_steps_that_make_no_sense_are_refused_with_the_file(steps: str) -> None:
    with pytest.raises(RuleError, match=r"^2\.yml(:1)?: "):
        book(tagged("rename"), tagged("share"), f"title: S\nname: s\nbehaviour: {{type: sequence, {steps}}}\n")
