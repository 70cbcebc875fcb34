"""Words for findings: a sentence from the rule's message and the facts, chosen where it is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Literal

from core.alert import SEPARATOR, Alert, Fact, Term
from core.model import ODD, Driver
from detection.behaviours.sequence import LINKED
from detection.learning import LEARNING
from detection.risk import VOTE, silent_below, unit_of
from detection.rule import Rule

_NAMED = re.compile(r"{([^{}]+)}")
_NOTES = {
    "en": {
        "limit": "observed {observed}, limit {limit}",
        "usual": "own usual {own_usual}",
        "silent": "below {silent_below} {unit} this would not have fired",
        "looking back": "found by looking back when the notice was filed",
        "learning": "weighs nothing yet: in a log of fewer than {learning} days nobody's usual is known",
        "stop": ". ",
        "comma": ", ",
    },
    "zh": {
        "limit": "观测值 {observed}，限值 {limit}",
        "usual": "本人平时 {own_usual}",
        "silent": "低于 {silent_below} {unit}则不会触发",
        "looking back": "收到离职申请后回看发现",
        "learning": "暂不计分：日志不足 {learning} 天，还不知道任何人的平时水平",
        "stop": "。",
        "comma": "，",
    },
}

UNITS = {
    "en": {
        "events": "events",
        "data.records": "records",
        "data.bytes": "bytes",
        "file.path": "files",
        "file.name": "files",
        "crm.record_id": "customer records",
        "email.to.address": "recipients",
        "email.to.domain": "domains",
        "target.user": "colleagues",
        "kinds": "kinds of sign",
        "people": "people",
        "portions": "portions",
        "objects": "files or records",
        "working days": "working days",
        "person-days": "person-days",
        "": "different values",
    },
    "zh": {
        "events": "次",
        "data.records": "条记录",
        "data.bytes": "字节",
        "file.path": "个文件",
        "file.name": "个文件",
        "crm.record_id": "个客户记录",
        "email.to.address": "个收件人",
        "email.to.domain": "个域名",
        "target.user": "位同事",
        "kinds": "类迹象",
        "people": "人",
        "portions": "份",
        "objects": "个文件或记录",
        "working days": "个工作日",
        "person-days": "个人日",
        "": "个不同的值",
    },
}
_TERMS = {
    "en": {
        "observed": "observed {observed}",
        "own_usual": "own usual {own_usual}",
        "peers_usual": "peers' usual {peers_usual}",
        "limit": "limit {limit}",
        "silent_below": _NOTES["en"]["silent"],
        "since": "counts from {since} on",
        "factor": "times {factor}",
        "weight": "{weight} of the alert's score",
    },
    "zh": {
        "observed": "观测值 {observed}",
        "own_usual": "本人平时 {own_usual}",
        "peers_usual": "同岗平时 {peers_usual}",
        "limit": "限值 {limit}",
        "silent_below": _NOTES["zh"]["silent"],
        "since": "自 {since} 起计入",
        "factor": "乘以 {factor}",
        "weight": "计入该告警得分的 {weight}",
    },
}
_TERM_FACTS = tuple(_TERMS["en"])
"""What a term may know, in the order in which it is told."""
REMEMBERED = 10_000
"""Phrases that are kept in memory."""

_LINKS = {
    "en": {"name": "name", "content": "content", "record": "record id"},
    "zh": {"name": "名称", "content": "内容", "record": "记录编号"},
}
"""By what the steps of a sequence hang together."""
_DETECTORS = {
    "en": {
        "forest": " (Isolation Forest)",
        "reconstruction": " (principal components)",
        "own": " (own usual)",
        "peers": " (peers' usual)",
        "cumulative": " (what adds up)",
        "sequence": " (order of actions)",
        "incidents": " (like past incidents)",
    },
    "zh": {
        "forest": "（孤立森林）",
        "reconstruction": "（主成分重构）",
        "own": "（本人平时）",
        "peers": "（同岗平时）",
        "cumulative": "（累积偏离）",
        "sequence": "（操作顺序）",
        "incidents": "（近似既往事件）",
    },
}
"""What a model's detectors look at."""
_DRIVERS = {
    "en": {
        "whole": "{name} {value} ({more})",
        "usual": "usual {usual}",
        "enough": "at {enough} this vote would be less rare than one in {odd}",
        "comma": ", ",
    },
    "zh": {
        "whole": "{name} {value}（{more}）",
        "usual": "平时 {usual}",
        "enough": "若为 {enough}，该票即不足 {odd} 个人日一次",
        "comma": "，",
    },
}


def term_words(term: Term) -> dict[str, str]:
    """A line of a score ledger, by language: its name and points, then whatever it knows."""
    known = [(name, _shown(_fact(value))) for name in _TERM_FACTS if (value := getattr(term, name)) is not None]
    return {"zh": _term_line(term, known, "zh"), "en": _term_line(term, known, "en")}


def _term_line(term: Term, known: Sequence[tuple[str, str]], lang: Literal["zh", "en"]) -> str:
    said = [_said(name, value, term.unit, lang) for name, value in known]
    said += [driver_words(driver, lang) for driver in term.drivers]
    head = f"{_called(term.name, lang)} {term.points:+g}"
    return f"{head}: {', '.join(said)}" if said and lang == "en" else f"{head}：{'，'.join(said)}" if said else head


@lru_cache(REMEMBERED)
def _said(name: str, value: str, unit: str | None, lang: Literal["zh", "en"]) -> str:
    """One thing that a term knows. Lists say the same few again and again."""
    return _TERMS[lang][name].format_map({name: value, "unit": unit_words(unit, lang)})


def _called(name: str, lang: Literal["zh", "en"]) -> str:
    """A term's name; a detector's vote in words."""
    vote, _, detector = name.partition(" ")
    return f"{name}{_DETECTORS[lang].get(detector, '')}" if vote == VOTE else name


def driver_words(driver: Driver, lang: Literal["zh", "en"]) -> str:
    """A feature that drove a vote: its name, its value, what is usual, and what would have been enough."""
    values = {"value": driver.value, "usual": driver.usual, "enough": driver.enough}
    words = {key: _shown(_short(value)) for key, value in values.items() if value is not None}
    notes = _DRIVERS[lang]
    more = [notes["usual"], *([notes["enough"]] if driver.enough is not None else [])]
    words |= {"name": driver.en if lang == "en" else driver.zh, "odd": _shown(ODD)}
    return _filled(notes["whole"].replace("{more}", notes["comma"].join(more)), words)


def _short(value: float) -> Fact:
    return round(value) if abs(value) >= 100 or float(value).is_integer() else round(value, 2)


def unit_words(unit: str | None, lang: Literal["zh", "en"]) -> str:
    """What an observed value counts, in words."""
    units = UNITS[lang]
    return units.get(unit or "events", units[""])


def _fact(value: Fact | datetime) -> Fact:
    return value.isoformat(timespec="minutes") if isinstance(value, datetime) else value


def messages_of(rule: Rule, alert: Alert, name: str) -> dict[str, str]:
    """What happened, by language: the rule's sentence, then observed value, limit and own usual where known, and below
    which value nothing would have been said."""
    words = {key: _shown(value) for key, value in alert.facts.items()} | {"person": name}
    return {"zh": _sentence(rule, alert, words, "zh"), "en": _sentence(rule, alert, words, "en")}


def _sentence(rule: Rule, alert: Alert, known: Mapping[str, str], lang: Literal["zh", "en"]) -> str:
    notes = _NOTES[lang]
    silent = silent_below(rule, alert.facts)
    words = {**known, "unit": unit_words(unit_of(rule, alert.facts), lang)}
    words |= {} if silent is None else {"silent_below": _shown(silent)}
    words |= {"linked": _listed(alert.facts[LINKED], lang)} if LINKED in alert.facts else {}
    message = _filled(getattr(rule.extra.message, lang), words) if rule.extra.message else rule.title
    more = [notes["limit"]] if "limit" in alert.facts else []
    more += [notes["usual"]] if "own_usual" in alert.facts else []
    more += [notes["looking back"]] if _looked_back(rule, alert) else []
    more += [notes["learning"]] if LEARNING in alert.facts else []
    said = [message, _filled(notes["comma"].join(more), words)] if more else [message]
    said += [_filled(notes["silent"], words)] if "limit" in alert.facts and silent is not None else []
    return notes["stop"].join(said)


def _listed(links: Fact, lang: Literal["zh", "en"]) -> str:
    said = [_LINKS[lang].get(link, link) for link in str(links).split(SEPARATOR)]
    return ("、" if lang == "zh" else ", ").join(said)


def _filled(text: str, words: Mapping[str, str]) -> str:
    """The text with facts put in by their names; one that the finding lacks is shown as a dash."""
    return _NAMED.sub(lambda found: words.get(found[1], "–"), text)


def _shown(value: Fact) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _looked_back(rule: Rule, alert: Alert) -> bool:
    if rule.behaviour and not rule.extra.lookback:
        # What a crowd or a model found may come after the person's own last event.
        return False
    last = alert.facts.get("last")
    return isinstance(last, str) and last < alert.time.isoformat(timespec="seconds")
