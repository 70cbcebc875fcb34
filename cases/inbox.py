"""A person's open alerts gather in one case."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime

from core.alert import Alert
from core.case import Case, CaseState, case_id


def gather(
    person: str,
    alerts: Sequence[Alert],
    score_at: Callable[[Sequence[Alert], datetime], float],
    opens_at: float,
    number: int = 0,
) -> Case | None:
    """The person's case, or None where the score never reaches `opens_at`.

    It opens at the first alert at whose time the score of the alerts raised by then reaches the limit; `score` is the
    highest it had at any alert. `score_at` is given only alerts raised by its moment, ordered by (time, id). The answer
    depends on the alerts alone, not on their order.
    """
    ordered = sorted(alerts, key=lambda alert: (alert.time, alert.id))
    times = [alert.time for alert in ordered]
    scores = [(time, score_at(ordered[: bisect_right(times, time)], time)) for time in dict.fromkeys(times)]
    opened = next((time for time, score in scores if score >= opens_at), None)
    if opened is None:
        return None
    return Case(
        id=case_id(person, number),
        person=person,
        number=number,
        state=CaseState.NEW,
        opened=opened,
        score=max(score for _, score in scores),
        alerts=tuple(alert.id for alert in ordered),
        scores=tuple(alert.score for alert in ordered),
    )
