"""What happened, in plain words: Markdown for whoever reads evidence without tools, in Chinese and in English."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

Language = Literal["en", "zh"]
Values = Mapping[str, Any]
Plain = Callable[[object], str]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Case {id}",
        "persons": "Persons",
        "person": "- {name} ({id}), {title}, {department}",
        "state": "State: {state}. Opened: {opened}. Score: {score:g}.",
        "decided": "Decided {decided} by {by}: {reason}",
        "found": "What was found",
        "alert": "### {time} · {rule} · {severity} · score {score:g}",
        "hidden": "An alert of {time} is not shown: it names people who are not concerned.",
        "ledger": "How the score comes about:",
        "grounds": "Given as reason: {why}",
        "favour": "What speaks for the person",
        "approval": "{kind} {id}: {purpose} (from {since} until {until}, filed {filed})",
        "exception": "exception {id}: {reason} (from {since} until {expires})",
        "usual": "{term}: observed {observed}, own usual {own_usual}, peers' usual {peers_usual}",
        "lowered": "the score was lowered by {term}: {points:+g}",
        "quiet": "{source}: nothing seen since {last}, so nothing is known of what was done there",
        "nothing": "Nothing was found.",
        "left out": "What is not shown",
        "withheld": "{count:,} records are withheld ({why}); each is proved to be there by its hash",
        "unproven": "{count:,} records were stored before the ledger had them, and are left out",
        "all": "Every record within the scope is shown.",
        "none": "none",
    },
    "zh": {
        "title": "案件 {id}",
        "persons": "相关人员",
        "person": "- {name}（{id}），{title}，{department}",
        "state": "状态：{state}。立案：{opened}。得分：{score:g}。",
        "decided": "{by} 于 {decided} 作出决定：{reason}",
        "found": "发现的情况",
        "alert": "### {time} · {rule} · {severity} · 得分 {score:g}",
        "hidden": "{time} 的一条告警未予展示：其中涉及无关人员。",
        "ledger": "得分由来：",
        "grounds": "给出的理由：{why}",
        "favour": "对当事人有利的情况",
        "approval": "{kind} {id}：{purpose}（自 {since} 至 {until}，登记于 {filed}）",
        "exception": "例外 {id}：{reason}（自 {since} 至 {expires}）",
        "usual": "{term}：观测值 {observed}，本人平时 {own_usual}，同岗平时 {peers_usual}",
        "lowered": "得分因 {term} 降低：{points:+g}",
        "quiet": "{source}：自 {last} 起没有任何记录，因此不知道当事人在其中做过什么",
        "nothing": "没有发现。",
        "left out": "未展示的内容",
        "withheld": "有 {count:,} 条记录未予展示（{why}）；其存在由各自的哈希值证明",
        "unproven": "有 {count:,} 条记录在账本建立之前存储，未予列入",
        "all": "范围内的记录全部展示。",
        "none": "无",
    },
}
_KINDS: Mapping[Language, Mapping[str, str]] = {
    "en": {"approval": "approval", "change": "change ticket", "handover": "handover task"},
    "zh": {"approval": "审批", "change": "变更单", "handover": "交接任务"},
}
_WHY: Mapping[Language, Mapping[str, str]] = {
    "en": {"person": "they name third parties"},
    "zh": {"person": "其中涉及第三方"},
}
_FIELD: Mapping[Language, str] = {"en": "they have a value in {field}", "zh": "其中含有字段 {field}"}
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~-])")


def account(case: Values, alerts: Sequence[Values], favour: Values, hide: Callable[[str], str], lang: Language) -> str:
    """The account of a case in one language. `alerts` are the bodies of snapshots, in order of time; of one that is not
    shown only `hidden` is given, its time. `hide` strikes out names."""
    parts = [*_head(case, lang), *_found(alerts, lang), *_favour(favour, lang), *_left_out(case, lang)]
    return hide("\n".join(parts)) + "\n"


def _head(case: Values, lang: Language) -> Iterator[str]:
    words = _WORDS[lang]
    yield f"# {words['title'].format(id=case['id'])}\n"
    yield words["state"].format(**case)
    if case["decided"]:
        yield words["decided"].format(decided=case["decided"], by=_plain(case["by"]), reason=_plain(case["reason"]))
    yield f"\n## {words['persons']}\n"
    for person in case["persons"]:
        yield words["person"].format(**{name: _plain(value) or words["none"] for name, value in person.items()})


def _found(alerts: Sequence[Values], lang: Language) -> Iterator[str]:
    words = _WORDS[lang]
    yield f"\n## {words['found']}\n"
    if not alerts:
        yield words["nothing"]
    for body in alerts:
        if "hidden" in body:
            yield words["hidden"].format(time=body["hidden"]) + "\n"
            continue
        alert = body["alert"]
        yield words["alert"].format(**{**alert, "rule": _plain(alert["title"])}) + "\n"
        yield _plain(alert["messages"].get(lang, "")) + "\n"
        yield words["ledger"] + "\n"
        yield from (f"- {_plain(term['messages'][lang])}" for term in alert["terms"])
        if alert["why"]:
            yield "\n" + words["grounds"].format(why=_plain(alert["why"]))
        yield ""


def _favour(favour: Values, lang: Language) -> Iterator[str]:
    words = _WORDS[lang]
    yield f"## {words['favour']}\n"
    lines = [*_grounds(favour, lang, _plain), *_quiet(favour, lang, _plain)]
    yield from (f"- {line}" for line in lines) if lines else [words["nothing"]]


def _left_out(case: Values, lang: Language) -> Iterator[str]:
    words = _WORDS[lang]
    yield f"\n## {words['left out']}\n"
    lines = _withheld(case, lang, _plain)
    yield from (f"- {line}" for line in lines) if lines else [words["all"]]


def favour_words(favour: Values, lang: Language) -> list[str]:
    """What speaks for the person, a sentence each, without Markdown."""
    return _grounds(favour, lang, _line)


def missing_words(favour: Values, case: Values, lang: Language) -> list[str]:
    """What was not seen, and what is not shown, a sentence each, without Markdown."""
    return [*_quiet(favour, lang, _line), *_withheld(case, lang, _line)]


def _grounds(favour: Values, lang: Language, plain: Plain) -> list[str]:
    words, kinds = _WORDS[lang], _KINDS[lang]
    return [
        *(words["approval"].format(**_shown(one, plain) | {"kind": kinds[one["kind"]]}) for one in favour["approvals"]),
        *(words["exception"].format(**_shown(one, plain)) for one in favour["exceptions"]),
        *(words["usual"].format(**_shown(one, plain)) for one in favour["usual"]),
        *(words["lowered"].format(term=plain(one["term"]), points=one["points"]) for one in favour["lowered"]),
    ]


def _quiet(favour: Values, lang: Language, plain: Plain) -> list[str]:
    return [_WORDS[lang]["quiet"].format(**_shown(one, plain)) for one in favour["quiet"]]


def _withheld(case: Values, lang: Language, plain: Plain) -> list[str]:
    words, left = _WORDS[lang], case["left_out"]
    told = {why: _WHY[lang].get(why) or _FIELD[lang].format(field=why) for why in left["withheld"]}
    lines = [words["withheld"].format(count=count, why=plain(told[why])) for why, count in left["withheld"].items()]
    return lines + ([words["unproven"].format(count=left["unproven"])] if left["unproven"] else [])


def _shown(values: Values, plain: Plain) -> dict[str, str]:
    return {name: "–" if value is None else plain(value) for name, value in values.items()}


def _line(value: object) -> str:
    """A text on one line."""
    return " ".join(str(value if value is not None else "").split())


def _plain(value: object) -> str:
    """A text that Markdown does not read as anything but itself."""
    return _MARKUP.sub(r"\\\1", _line(value))
