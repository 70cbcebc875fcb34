"""The same files, whatever they are called meanwhile and in whatever order their lines arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import detection.judge
from core.errors import RuleError
from tests.detection.conftest import EXPORT, alerts, at, book


def tagged(action: str) -> str:
    return EXPORT.replace("exported", f"{action}d").replace("Exported", action).replace("export", action)


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
