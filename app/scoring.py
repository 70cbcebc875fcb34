"""Person-days scored by the model that judges, and by those that judge beside it: what they find is kept in the
records, and a rule speaks of what the champion found.

A model is asked about company days that are over and that it did not learn from. What it said is known by a fingerprint
of all that it depends on, so late events, other links and other posts have exactly those days scored again that they
can change, some persons at a time; whoever dies has nothing scored wrongly, only again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from app.wiring import House
from core.errors import Damaged, Refused
from core.model import ModelState, RegisteredModel, ScoredDay

if TYPE_CHECKING:
    from models.kept import KeptDays
    from models.panel import Panel
    from models.parts import Part

JOB = "scoring"
SCORES = 1
"""Changes when the same model would find something else in the same days: all of them are then scored again."""
DAYS_AT_ONCE = 31
KEPT_DAYS = 200
"""How long days are kept that were scored: longer than anything looks back."""
A_DAY = timedelta(days=1)
log = structlog.get_logger()


@dataclass(slots=True)
class Scores:
    """What a process remembers between two looks: models that are loaded, and when it looked last. Between two looks
    for late events lie `pause` seconds; a day that is over and another model are seen at once."""

    pause: float = 0.0
    panels: dict[str, Panel] = field(default_factory=dict)
    looked: float = 0.0
    at: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """Days of some persons that a model has to score, by their fingerprint."""

    model: str
    part: Part
    days: Mapping[date, str]


def scored(house: House, scores: Scores, now: datetime | None = None) -> Iterator[int]:
    """Score what is due, some days at a time; yields how many findings were kept, whenever marks may have come of it.
    Nothing where another process does it."""
    models = judging(house)
    newest = house.events.newest() if models else None
    if newest is None:
        return
    calendar = house.calendar
    until = min(calendar.day_of(now or datetime.now(UTC)) - A_DAY, calendar.day_of(newest))
    seen = (until, *((model.card.id, model.state) for model in models))
    if scores.at == seen and monotonic() - scores.looked < scores.pause:
        return
    with house.records.unless_done(JOB) as mine:
        if mine:
            yield from _pieces(house, scores, models, until)
            scores.at, scores.looked = seen, monotonic()


def judging(house: House) -> list[RegisteredModel]:
    """The models that are asked about every day: the champion and the shadows."""
    asked = (ModelState.CHAMPION, ModelState.SHADOW)
    return [model for model in house.records.models() if model.state in asked]


def panel_of(house: House, model: RegisteredModel) -> Panel:
    """A model, ready to be asked. Raises `Damaged` or `Refused` where this machine cannot have it."""
    from app.modelling import registry_of
    from models.features import digest
    from models.panel import Panel

    return Panel.of(registry_of(house).load(model.card.id, digest()))


def problems(house: House) -> list[str]:
    """Models that are to score days and cannot be had here, a sentence each."""
    found = []
    for model in judging(house):
        try:
            panel_of(house, model)
        except (Damaged, Refused) as error:
            found.append(f"{model.state.value} {model.card.id} scores nothing here: {error}")
    return found


def _pieces(house: House, scores: Scores, models: Sequence[RegisteredModel], until: date) -> Iterator[int]:
    from app.drifting import watch
    from models.kept import KeptDays

    panels = _panels(house, scores, models)
    since = min((model.card.last + A_DAY for model in models if model.card.id in panels), default=until + A_DAY)
    if since > until:
        return
    house.events.catch_up()
    back = max(panel.looks_back for panel in panels.values())
    kept = KeptDays(
        house.config.data / "person-days",
        house.events,
        house.directory(),
        since - timedelta(days=back),
        until,
        company_domains=house.surroundings().company_domains,
    )
    due = [one for model in models if model.card.id in panels for one in _due(house, model, panels, kept, until)]
    days = sorted({day for one in due for day in one.days})
    while days:
        last = days[0] + timedelta(days=DAYS_AT_ONCE - 1)
        yield _score(house, panels, kept, due, days[0], last)
        days = [day for day in days if day > last]
    watch(house, kept, until)
    with suppress(OSError):
        kept.prune(until - timedelta(days=KEPT_DAYS))


def _panels(house: House, scores: Scores, models: Sequence[RegisteredModel]) -> dict[str, Panel]:
    """The models by id; of those that cannot be had it is said why."""
    found: dict[str, Panel] = {}
    for model in models:
        try:
            found[model.card.id] = scores.panels.get(model.card.id) or panel_of(house, model)
        except (Damaged, Refused) as error:
            log.warning("a model scores nothing here", model=model.card.id, state=model.state.value, reason=str(error))
    scores.panels = found
    return found


def _due(
    house: House, model: RegisteredModel, panels: Mapping[str, Panel], kept: KeptDays, until: date
) -> Iterator[Due]:
    """What a model has not scored, or scored when something was otherwise."""
    name = model.card.id
    done = {(one.day, one.first, one.last): one.fingerprint for one in house.records.scored_days(name)}
    since = model.card.last + A_DAY
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    back = timedelta(days=panels[name].looks_back)
    for part in kept.parts:
        if not part.persons:
            continue
        held = {day: f"{SCORES}-{kept.fingerprint(part, day - back, day)}" for day in days}
        left = {day: of for day, of in held.items() if done.get((day, part.first, part.last)) != of}
        if left:
            yield Due(name, part, left)


def _score(
    house: House, panels: Mapping[str, Panel], kept: KeptDays, due: Sequence[Due], first: date, last: date
) -> int:
    """Score the days that are due between two, and keep what is found."""
    from app.finding import Found

    found = {name: Found(panel) for name, panel in panels.items()}
    scored: dict[str, list[ScoredDay]] = defaultdict(list)
    by_part: dict[int, list[Due]] = defaultdict(list)
    for one in due:
        by_part[one.part.number].append(one)
    for own in by_part.values():
        asked = {one.model: [day for day in one.days if first <= day <= last] for one in own}
        wanted = sorted({day for days in asked.values() for day in days})
        if not wanted:
            continue
        part = own[0].part
        back = max(panels[name].looks_back for name, days in asked.items() if days)
        rows = kept.rows(part, wanted[0] - timedelta(days=back), wanted[-1])
        for one in own:
            if days := asked[one.model]:
                found[one.model].look(rows, days)
                scored[one.model] += [
                    ScoredDay(day=day, first=part.first, last=part.last, fingerprint=one.days[day]) for day in days
                ]
    kept_findings = 0
    for name, of in scored.items():
        findings = found[name].findings()
        house.records.save_findings(name, of, findings)
        kept_findings += len(findings)
    return kept_findings
