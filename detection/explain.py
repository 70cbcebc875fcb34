"""Words for findings: a sentence from the rule's message and the facts, chosen where it is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from core.alert import Alert, Fact
from detection.rule import Rule

_NAMED = re.compile(r"{([^{}]+)}")
_NOTES = {
    "en": {
        "limit": "observed {observed}, limit {limit}",
        "usual": "own usual {own_usual}",
        "looking back": "found by looking back when the notice was filed",
        "stop": ". ",
        "comma": ", ",
    },
    "zh": {
        "limit": "观测值 {observed}，限值 {limit}",
        "usual": "本人平时 {own_usual}",
        "looking back": "收到离职申请后回看发现",
        "stop": "。",
        "comma": "，",
    },
}


def explain(rule: Rule, alert: Alert, name: str, lang: Literal["zh", "en"]) -> str:
    """What happened, in one language: the rule's sentence, then observed value, limit and own usual where known."""
    notes = _NOTES[lang]
    words = {key: _shown(value) for key, value in alert.facts.items()} | {"person": name}
    message = _filled(getattr(rule.extra.message, lang), words) if rule.extra.message else rule.title
    more = [notes["limit"]] if "limit" in alert.facts else []
    more += [notes["usual"]] if "own_usual" in alert.facts else []
    more += [notes["looking back"]] if _looked_back(alert) else []
    return notes["stop"].join([message, _filled(notes["comma"].join(more), words)] if more else [message])


def _filled(text: str, words: Mapping[str, str]) -> str:
    """The text with facts put in by their names; one that the finding lacks is shown as a dash."""
    return _NAMED.sub(lambda found: words.get(found[1], "–"), text)


def _shown(value: Fact) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _looked_back(alert: Alert) -> bool:
    last = alert.facts.get("last")
    return isinstance(last, str) and last < alert.time.isoformat(timespec="seconds")
