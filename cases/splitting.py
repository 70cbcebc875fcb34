"""The cases of one person: the one that judging opens, and those that people split off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from cases.inbox import gather
from core.alert import Alert, Outcome
from core.case import Case, undecided
from core.triage import FIRST_SPLIT, Split


def cases_of_one(
    person: str,
    alerts: Sequence[Alert],
    decided: Sequence[Case],
    splits: Mapping[str, Split],
    score_at: Callable[[Sequence[Alert], datetime], float],
    opens_at: float,
) -> list[Case]:
    """The person's open cases, from alerts that nothing speaks for and no decided case answers, be it that of another
    member of a crew. What was split stays apart and open, however little each part weighs; what comes to weigh more
    after its own case was decided is gathered with the others."""
    closed = {case.number for case in decided}
    own = (case.number for case in decided if case.person == person)
    number = max((one + 1 for one in own if one < FIRST_SPLIT), default=0)
    apart: dict[int, list[Alert]] = defaultdict(list)
    rest: list[Alert] = []
    for alert in undecided(alerts, decided):
        if alert.outcome is Outcome.SUPPRESSED:
            continue
        split = splits.get(alert.id)
        (apart[split.number] if split and split.number not in closed else rest).append(alert)
    first = gather(person, rest, score_at, opens_at, number)
    if first is None and _was_split(person, number, alerts, splits):
        first = gather(person, rest, score_at, 0.0, number)
    others = (gather(person, some, score_at, 0.0, one) for one, some in sorted(apart.items()))
    return [case for case in (first, *others) if case]


def _was_split(person: str, number: int, alerts: Sequence[Alert], splits: Mapping[str, Split]) -> bool:
    known = (splits[alert.id] for alert in alerts if alert.id in splits)
    return any((split.person, split.origin) == (person, number) for split in known)
