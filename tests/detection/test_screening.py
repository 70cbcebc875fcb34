"""A screen may let through too much, never too little."""

from __future__ import annotations

import pytest

from detection.rulebook import RuleBook
from detection.screening import Screen, Total

BASES = "\n---\n".join(
    f"title: {name}\nname: {name}\nlogsource: {{product: leaverwatch}}\nlevel: informational\n"
    f"detection: {{a: {{event.action: {name}}}, condition: a}}"
    for name in ("export", "rename", "share")
)
ALONE = BASES.partition("\n---\n")[0].replace("export", "print").replace("level: informational\n", "")


def screen_of(correlation: str) -> Screen:
    window = (
        f"title: Window\nname: window\nlevel: high\ncorrelation: {{group-by: [person.id], timespan: 1d, {correlation}}}"
    )
    return Screen(RuleBook.of({"bases.yml": BASES, "window.yml": window, "alone.yml": ALONE}).judged)


@pytest.mark.parametrize(
    ("correlation", "tagged", "expected"),
    [
        ("type: event_count, rules: [export, share], condition: {gte: 5}", {"export": 3, "share": 2}, True),
        ("type: event_count, rules: [export, share], condition: {gte: 5}", {"export": 3, "share": 1}, False),
        ("type: event_count, rules: [export], condition: {gt: 5}", {"export": 5}, False),
        ("type: event_count, rules: [export], condition: {gt: 5}", {"export": 6}, True),
        ("type: value_count, rules: [export], condition: {field: file.name, gte: 3}", {"export": 2}, False),
        ("type: value_count, rules: [export], condition: {field: file.name, gte: 3}", {"export": 3}, True),
        ("type: event_count, rules: [export], condition: {lte: 5}", {"export": 1}, True),
        ("type: value_avg, rules: [export], condition: {field: data.records, gte: 9999}", {"export": 1}, True),
        ("type: value_sum, rules: [export], condition: {field: data.records, gte: 21}", {"export": 2}, False),
        ("type: value_sum, rules: [export], condition: {field: data.records, gte: 20}", {"export": 2}, True),
        (
            "type: value_sum, rules: [export, share], condition: {field: data.records, gt: 29}",
            {"export": 2, "share": 1},
            True,
        ),
        ("type: value_sum, rules: [export], condition: {field: data.records, gte: 9999}", {"share": 9}, False),
        ("type: temporal, rules: [export, rename]", {"export": 9}, False),
        ("type: temporal, rules: [export, rename]", {"export": 1, "rename": 1}, True),
    ],
)
def test_a_window_that_cannot_be_full_is_not_looked_into(
    correlation: str, tagged: dict[str, int], expected: bool
) -> None:
    totals = {name: Total(number, {"data.records": 10.0 * number}) for name, number in tagged.items()}
    assert ("window" in screen_of(correlation).may_find(totals)) == expected


def test_a_rule_without_a_window_needs_one_event() -> None:
    screen = screen_of("type: event_count, rules: [export], condition: {gte: 5}")
    assert screen.may_find({"print": Total(1)}) == {"print"}
    assert screen.may_find({}) == set()
