"""A rule of behaviour from its text: the key `behaviour:` stands where Sigma has `detection:` or `correlation:`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.alert import Severity
from core.errors import RuleError
from detection import behaviours
from detection.behaviours.base import Behaviour
from detection.behaviours.common import Common
from detection.behaviours.unusual import Unusual
from detection.rule import Extra, Rule


class _Head(BaseModel):
    """Sigma's own keys, as far as a rule of behaviour has them."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    title: str = Field(min_length=1)
    name: str = Field(min_length=1)
    id: str = ""
    description: str = ""
    level: Severity = Severity.MEDIUM
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule of behaviour as it stands in a file, before the rules it builds on are known."""

    head: _Head
    extra: Extra
    behaviour: Behaviour

    @property
    def name(self) -> str:
        return self.head.name

    @property
    def title(self) -> str:
        return self.head.title


def draft_of(document: Mapping[str, Any]) -> Draft:
    """The draft of one document. Raises `RuleError`."""
    try:
        head, extra = _Head.model_validate(document), Extra.model_validate(document)
        return Draft(head, extra, _behaviour(document["behaviour"]))
    except ValidationError as error:
        first = error.errors()[0]
        raise RuleError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def behaviour_rule(draft: Draft, known: Mapping[str, Rule]) -> Rule:
    """The rule, over rules known already. Raises `RuleError`."""
    behaviour, extra = draft.behaviour, draft.extra
    for name in behaviour.bases:
        if name not in known or known[name].kind != "event":
            raise RuleError(f"there is no single-event rule called {name}")
    if isinstance(behaviour, Common) and any(known[name].exact or known[name].reach for name in behaviour.bases):
        raise RuleError("behaviour: its rules are told from single stored events alone")
    if extra.usual or extra.first_seen or extra.for_stages:
        raise RuleError("`usual`, `first_seen` and `for_stages` do not fit a behaviour")
    if extra.lookback and behaviour.crowd:
        raise RuleError("`lookback` does not fit what is found of several persons")
    if extra.lookback and isinstance(behaviour, Unusual):
        raise RuleError("`lookback` does not fit what a model found: it knew of no notice")
    reach = max((known[name].reach for name in behaviour.bases), default=0)
    of_leavers = bool(behaviour.bases) and all(known[name].leavers_only for name in behaviour.bases)
    return Rule(
        name=draft.name,
        id=draft.head.id,
        title=draft.head.title,
        description=draft.head.description,
        level=draft.head.level,
        extra=extra,
        alerts=True,
        tags=draft.head.tags,
        falsepositives=draft.head.falsepositives,
        behaviour=behaviour,
        # What builds on nothing stored is told by events of its own name.
        leaves=behaviour.bases or (draft.name,),
        fields=behaviour.fields,
        leavers_only=isinstance(behaviour, Common) or of_leavers,
        reach=behaviour.reach + reach,
        window=behaviour.window + reach,
    )


def _behaviour(asked: Any) -> Behaviour:
    kind = asked.get("type") if isinstance(asked, dict) else None
    if not isinstance(kind, str) or kind not in behaviours.KINDS:
        raise RuleError(f"behaviour: type {kind} is none of {', '.join(sorted(behaviours.KINDS))}")
    return behaviours.KINDS[kind].model_validate(asked)
