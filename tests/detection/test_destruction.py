"""What is destroyed is counted once, over systems, and listed whole."""

from __future__ import annotations

from datetime import date

import pytest

import detection.judge
from core.alert import Alert
from core.errors import Refused
from detection.bench import Bench
from detection.restore import restore_list
from detection.rulebook import RuleBook
from detection.tagging import Tagger
from tests.detection.conftest import EXPORT, SURROUNDINGS, Reader, alerts, at, book, directory, frame

DELETED = EXPORT.replace("export", "delete").replace("Export", "Delet")
RESTORED = EXPORT.replace("export", "restore").replace("Export", "Restor")
RULES = book(
    DELETED,
    RESTORED,
    "title: D\nname: destroyed\nlevel: high\n"
    "behaviour: {type: destruction, gone: [deleteed], back: [restoreed], objects: 3, times: 2}\n",
)


def gone(day: str, *paths: str, action: str = "delete") -> list[dict[str, object]]:
    return [
        {"@timestamp": at(f"{day}T10:{n:02}"), "event.action": action, "file.path": path}
        for n, path in enumerate(paths)
    ]


def test_the_moment_is_that_of_the_object_that_made_it_too_many() -> None:
    (alert,) = alerts(RULES, gone("02", *"abcd"))
    assert alert.time == at("02T10:02")
    assert (alert.facts["observed"], alert.facts["limit"], alert.facts["objects"]) == (4, 3, 4)
    assert alert.facts["restore"] == "a\nb\nc\nd"


def test_one_file_deleted_again_and_again_is_one() -> None:
    assert alerts(RULES, gone("02", *"aaaaab")) == []


def test_records_of_a_bulk_deletion_count_each() -> None:
    (alert,) = alerts(RULES, [{"@timestamp": at("02T10:00"), "event.action": "delete", "data.records": 500}])
    assert alert.facts["observed"] == 500


def test_the_worst_day_before_raises_the_limit() -> None:
    rows = gone("02", "a", "b") + gone("03", "c", "d", "e") + gone("04", *"fghijk")
    assert [alert.day for alert in alerts(RULES, rows)] == [date(2026, 3, 4)]


def test_days_are_judged_alike_alone_and_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for day in range(2, 28, 2) for row in gone(f"{day:02}", *(f"{day}/{n}" for n in range(day)))]
    whole = alerts(RULES, rows)
    assert whole
    assert [one for a in whole for one in alerts(RULES, rows, days=(a.day, a.day))] == whole
    monkeypatch.setattr(detection.judge, "EVENTS_AT_ONCE", 30)
    assert alerts(RULES, rows) == whole


def restored(rows: list[dict[str, object]], alert: Alert, rules: RuleBook = RULES) -> list[object]:
    events = Tagger(rules, SURROUNDINGS).tag(frame(rows))
    bench = Bench(store=Reader(events), directory=directory(events), book=rules, surroundings=SURROUNDINGS)
    return restore_list(alert, bench)["object"].to_list()


def test_the_list_has_everything_that_is_still_gone() -> None:
    paths = [f"/files/{number:03}" for number in range(500)]
    rows = [*gone("02", *paths[:50]), *gone("03", "other")]
    rows += [{"@timestamp": at("02T11:00"), "event.action": "delete", "file.path": path} for path in paths[50:]]
    rows += gone("02", "/files/000", action="restore")
    rows[-1]["@timestamp"] = at("02T12:00")
    (alert,) = alerts(RULES, rows)
    assert restored(rows, alert) == paths[1:]


def test_only_destruction_has_a_list() -> None:
    other = book(DELETED + "---\n" + EXPORT)
    (alert, *_) = alerts(other, gone("02", "a"))
    with pytest.raises(Refused):
        restored(gone("02", "a"), alert)


WRITTEN = EXPORT.replace("action: export", "action: modify").replace("name: exported", "name: written")
SPOILT = book(
    WRITTEN,
    DELETED,
    "title: D\nname: destroyed\nlevel: high\n"
    "behaviour: {type: destruction, gone: [deleteed], overwritten: [written], objects: 3, times: 2}\n",
)


def written(*sizes: tuple[str, int]) -> list[dict[str, object]]:
    return [
        {"@timestamp": at(f"02T10:{n:02}"), "event.action": "modify", "file.path": path, "file.size": size}
        for n, (path, size) in enumerate(sizes)
    ]


def test_files_saved_over_with_next_to_nothing_are_gone_and_listed() -> None:
    rows = written(*((name, 1000) for name in "abc"), *((name, 100) for name in "abc"))
    (alert,) = alerts(SPOILT, rows)
    assert (alert.facts["observed"], alert.facts["spoilt"], alert.facts["restore"]) == (3, 3, "a\nb\nc")
    assert alert.time == at("02T10:05")
    assert restored(rows, alert, SPOILT) == ["a", "b", "c"]


def test_files_cut_by_half_and_files_that_grew_back_are_there() -> None:
    halves = written(*((name, 1000) for name in "abc"), *((name, 500) for name in "abc"))
    back = written(*((name, size) for size in (1000, 0, 900) for name in "abc"))
    assert alerts(SPOILT, halves) == alerts(SPOILT, back) == []
