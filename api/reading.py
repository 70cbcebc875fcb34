"""What lists are read with: no route reads what it does not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from threading import Lock

from access.lens import Lens
from api.masking import identity
from api.problems import Problem
from api.shapes import RiskView
from api.views import term_views
from core.alert import Alert
from core.directory import Directory
from core.listing import Whose
from core.person import Stage
from core.ports import Records
from core.standing import Rank, Standing
from detection.standing import AT_ONCE, LEDGER, bring_up, score_of, standing_at, terms_of

A_MOMENT = timedelta(microseconds=1)
LATER = 200
"""So many persons are put in order anew for whoever asks; of more, in one request at a time."""
_looking_back = Lock()
_bringing_up = Lock()


def ranked(records: Records, at: datetime, whose: Whose, after: Rank | None, limit: int) -> list[Standing]:
    """Persons by risk at a moment, highest first, so many at most; those that come after a place. Persons who have had
    alerts since are put in order by those they had then, which takes a while where these are many. Ends the request
    where somebody else is at that."""
    if records.unranked(1):
        # Who waits here has it done by the one before.
        with _bringing_up:
            bring_up(records)
    later = records.ranked_later(at, whose, "", LATER + 1)
    if len(later) <= LATER:
        return _first([*records.ranked(at, whose, after, limit), *_as_they_were(records, at, later)], after, limit)
    if not _looking_back.acquire(blocking=False):
        raise Problem(503, "busy", "somebody else is looking back as far; try again in a while")
    try:
        found = list(records.ranked(at, whose, after, limit))
        last = ""
        while some := records.ranked_later(at, whose, last, AT_ONCE):
            found = _first([*found, *_as_they_were(records, at, some)], after, limit)
            last = some[-1]
        return found
    finally:
        _looking_back.release()


def standing_of(records: Records, person: str, at: datetime) -> Standing | None:
    """What a person's alerts came to at a moment, with all that is kept of the ledger; none of whoever had none. What
    is out of date, or was written by a version that kept less, is made of the alerts."""
    kept = records.standing(person, at)
    if kept and len(kept.strongest) + len(kept.further) == min(kept.alerts, LEDGER):
        return kept
    return next(_as_they_were(records, at, [person]), None)


def stage_of(standing: Standing, directory: Directory, at: datetime) -> Stage:
    """The person's stage at a moment for which the standing holds: what `detection.departing.stage_with` gives."""
    filed = directory.stage(standing.person, at)
    ahead = standing.ahead is not None and at < standing.ahead
    return Stage.PRE_DEPARTURE if ahead and filed is Stage.ACTIVE else filed


def risk_rows(standings: Sequence[Standing], lens: Lens, at: datetime) -> list[RiskView]:
    """Persons as documents of a list, with the strongest terms of their ledgers; what peers usually have is told as far
    as a rule was judged against it."""
    return [
        RiskView(
            person=lens.pseudonym(one.person),
            identity=identity(lens, one.person),
            score=score_of(one, at),
            stage=stage_of(one, lens.directory, at).value,
            first_alert=one.first_alert,
            terms=term_views(terms_of(one, at)),
        )
        for one in standings
    ]


def _as_they_were(records: Records, at: datetime, persons: Sequence[str]) -> Iterator[Standing]:
    """What the alerts of persons came to at a moment, of those who had any by then."""
    for first in range(0, len(persons), AT_ONCE):
        alerts: dict[str, list[Alert]] = {}
        # Those of the moment itself count.
        for alert in records.alerts(persons=persons[first : first + AT_ONCE], until=at + A_MOMENT):
            alerts.setdefault(alert.person, []).append(alert)
        yield from (standing_at(person, own, at) for person, own in alerts.items())


def _first(standings: Sequence[Standing], after: Rank | None, limit: int) -> list[Standing]:
    following = (one for one in standings if after is None or one.rank > after)
    return sorted(following, key=lambda one: one.rank)[:limit]
