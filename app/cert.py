"""`models evaluate --cert DIR`: how the detectors do on the CERT insider-threat test data, scenario by scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl

from app.certlogs import DOMAIN, Imported, Log, imported
from app.modelling import BEFORE, kept_aside
from core.batch import Batch
from core.errors import Refused
from core.model import Metric
from ingest.cert import TRAITS, Answers, Release, answers, releases, traits
from ingest.reading import shown
from models.fairness import Group, fairness
from models.intervals import share
from models.panel import TOGETHER, Frames, Panel
from models.person_days import person_days
from models.scenarios import KEYS, Scenario, Truth, by_scenario, with_cases

LEAST_DAYS, MOST_DAYS = 60, 1500
"""A release has 500. One date that was read wrong would be years of days."""
LEARNED_FIRST, FOLDS = 0.4, 3
"""This part of the days is only learned from; the rest is scored in so many parts, each by a panel that has seen
nothing but the days before it."""
MEANING = 0.25
"""The last part of the days learned from, of which the meaning of scores is read off."""
RARE = (100, 1000)
THIRDS = {1: "low", 2: "middle", 3: "high"}
FAIR_BUDGET = 5
"""Cases per 1,000 users and week at which it is asked on whom those for nothing fall."""
LEARNED_FROM = (
    "each part of the days is scored by a panel that learned from the days before it only, without the answers; "
    "whoever was an insider by then is among those learned from"
)
NO_ANSWERS = "the answers are absent (answers/insiders.csv): nothing can be said of who is found"
NO_LDAP = "LDAP is absent: nobody has a department, and nobody is known to have left"

Progress = Callable[[str, Batch], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Days that were scored, and the last ones that its panel learned from and read meanings off."""

    learned_until: date
    meanings_until: date
    first: date
    last: date
    user_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReport:
    """What came out of one release. `logs` says what became of every log, `absent` what is not there, `says` what
    follows from it in words. Without answers there are no insiders and no scenarios; `summary` needs none. `fairness`:
    on whom cases for nothing fall, by department, role and psychometric traits."""

    release: str
    folder: str
    logs: Mapping[str, Log]
    absent: Sequence[str]
    says: Sequence[str]
    first: date
    last: date
    folds: Sequence[Fold]
    users: int
    user_days: int
    leavers: int
    insiders: int | None
    insiders_listed: int | None
    scenarios: Sequence[Scenario]
    summary: Mapping[str, Sequence[Metric]]
    fairness: Sequence[Group]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out of every release of a folder, and how was learned."""

    learning: str
    releases: Sequence[ReleaseReport]


def evaluate_cert(folder: Path, data: Path, *, seed: int = 0, progress: Progress) -> Report:
    """Evaluate every release in the folder. Works below `data` and leaves nothing there. Raises `Refused` where the
    folder has no such data, or too little of it."""
    found = [_release(one, data, seed, progress) for one in releases(folder)]
    return Report(learning=LEARNED_FROM, releases=found)


def _release(release: Release, data: Path, seed: int, progress: Progress) -> ReleaseReport:
    known = answers(release.answers, release.name) if release.answers else None
    with imported(release, data, progress) as house:
        _check(house)
        people = _groups(release, house)
        # Of the whole release, computed once.
        days = person_days(
            house.house.events, house.house.directory(), house.first, house.last, company_domains={DOMAIN}
        )
        with kept_aside(days, house.house.config.data) as frames:
            folds, judged = _judged(frames, house, seed)
    # Together first: it is what a day is judged by.
    detectors = sorted((name for name in judged.columns if name not in KEYS), key=lambda name: (name != TOGETHER, name))
    return ReleaseReport(
        release=known.release if known else release.name,
        folder=shown(release.folder),
        logs=house.logs,
        absent=release.absent,
        says=[*_says(release, house.logs), *(known.problems if known else ())],
        first=house.first,
        last=house.last,
        folds=folds,
        users=judged["person"].n_unique(),
        user_days=judged.height,
        leavers=len(house.leavers),
        insiders=len(known.insiders) if known else None,
        insiders_listed=sum(one.listed for one in known.insiders) if known else None,
        scenarios=by_scenario(judged, _truth(known, house.leavers), detectors, seed) if known else [],
        summary={name: _summary(judged[name]) for name in detectors},
        fairness=_fair(judged, people, known),
    )


def _check(release: Imported) -> None:
    days = (release.last - release.first).days + 1
    if days < LEAST_DAYS:
        raise Refused(f"{days} days are too few to learn from and to score: {LEAST_DAYS} are needed")
    if days > MOST_DAYS:
        raise Refused(
            f"events from {release.first} to {release.last} are no release's: at most {MOST_DAYS} days are read"
        )


def _says(release: Release, logs: Mapping[str, Log]) -> Iterator[str]:
    if release.answers is None:
        yield NO_ANSWERS
    if "LDAP" in release.absent:
        yield NO_LDAP
    if absent := [name for name in release.absent if name.endswith(".csv")]:
        yield f"absent, so nothing that only shows there can be found: {', '.join(absent)}"
    yield from (f"refused: {log.refused}" for log in logs.values() if log.refused)


def _judged(frames: Frames, release: Imported, seed: int) -> tuple[list[Fold], pl.DataFrame]:
    """Every day with events that was scored, by a panel that had not seen it."""
    folds, found = [], []
    for first, last in _parts(release.first, (release.last - release.first).days + 1):
        meanings_until = first - timedelta(days=1)
        learned = (first - release.first).days
        learned_until = release.first + timedelta(days=int(learned * (1 - MEANING)) - 1)
        panel = Panel.learn(frames, learned_until, meanings_until, seed)
        scored = [_scored(panel, frame, first, last) for frame in frames()]
        found += scored
        folds.append(
            Fold(
                learned_until=learned_until,
                meanings_until=meanings_until,
                first=first,
                last=last,
                user_days=sum(one.height for one in scored),
            )
        )
    judged = pl.concat(found, how="diagonal")
    if not judged.height:
        raise Refused("no day with events is left to score")
    return folds, judged


def _parts(first: date, days: int) -> Iterator[tuple[date, date]]:
    ends = [int(days * (LEARNED_FIRST + (1 - LEARNED_FIRST) * part / FOLDS)) for part in range(FOLDS + 1)]
    for start, end in pairwise(ends):
        yield first + timedelta(days=start), first + timedelta(days=end - 1)


def _scored(panel: Panel, frame: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    near = frame.filter(pl.col("day").is_between(first - timedelta(days=BEFORE), last))
    judged = panel.judge(near, first).filter(near.filter(pl.col("day") >= first)["events"] > 0)
    return judged.select("person", "day", pl.exclude("person", "day").cast(pl.Float32))


def _truth(known: Answers, leavers: dict[str, date]) -> Truth:
    deeds = [(one.scenario, one.user, day) for one in known.insiders for day in sorted(one.days)]
    used = [(user, day) for one in known.insiders for user, days in one.used.items() for day in sorted(days)]
    keys: dict[str, pl.DataType] = {"person": pl.String(), "day": pl.Date()}
    return Truth(
        malicious=pl.DataFrame(deeds, schema={"scenario": pl.String(), **keys}, orient="row").unique(),
        used=pl.DataFrame(used, schema=keys, orient="row").unique(),
        leavers=leavers,
    )


def _groups(release: Release, house: Imported) -> pl.DataFrame:
    """Everybody with department, role, and each trait as the third of all people that it is in. Traits are for this
    alone: nobody is odd for their character."""
    directory = house.house.directory()
    known = [directory.person(person) for person in sorted(directory.people())]
    filed = traits(release.folder)
    rows = [(one.id, one.department or None, one.title or None) for one in known]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("person", "department", "title"), pl.String()), orient="row")
    for trait in TRAITS:
        value = pl.Series(trait, [filed.get(one.id, {}).get(trait) for one in known], dtype=pl.Float64)
        third = (value.rank("ordinal") * 3 / max(1, value.count())).ceil().cast(pl.Int64)
        frame = frame.with_columns(third.replace_strict(THIRDS, default=None, return_dtype=pl.String).alias(trait))
    return frame


def _fair(judged: pl.DataFrame, people: pl.DataFrame, known: Answers | None) -> list[Group]:
    guilty = {one.user for one in known.insiders} if known else set()
    seen = set(judged["person"]) - guilty
    innocent = people.filter(pl.col("person").is_in(list(seen)))
    return fairness(innocent, with_cases(judged, TOGETHER, FAIR_BUDGET), ("department", "title", *TRAITS))


def _summary(scores: pl.Series) -> list[Metric]:
    """What can be said without answers: of which share of the days there is a score, and how many are how rare."""
    known = scores.drop_nulls()
    rare = [share(f"beyond_1_in_{rare}", int((known >= rare).sum()), len(known)) for rare in RARE if len(known)]
    return [share("scored", len(known), len(scores)), *rare]


Table = tuple[str, Sequence[str], Sequence[Sequence[object]]]


def tables(report: Report) -> Iterator[Table]:
    """Title, head and rows of what people are shown."""
    for release in report.releases:
        name = f"CERT {release.release}".rstrip()
        yield (
            f"{name}: {release.user_days:,} days of {release.users:,} users scored, {release.first} to {release.last}",
            ("log", "read", "stored", "unreadable", "ignored", "refused"),
            [
                (log, one.read, one.stored, one.unreadable, one.ignored, one.refused)
                for log, one in release.logs.items()
            ],
        )
        for one in release.scenarios:
            title = (
                f"{name}, scenario {one.scenario}: {one.insiders_scored} of {one.insiders} insiders on "
                f"{one.malicious_days} days, among {one.benign_days:,} benign days of {one.benign_people:,} people, "
                f"{one.benign_leavers} of whom left"
            )
            yield _figures(title, one.detectors)
        yield _figures(f"{name}, without answers", release.summary)
        yield (
            f"{name}: on whom cases for nothing fall, at {FAIR_BUDGET} per 1,000 users and week",
            ("by", "group", "people", "cases", "share"),
            [
                (one.by, one.group, one.persons, one.false_cases, _cell(one.rate, interval=True))
                for one in release.fairness
            ],
        )


def _figures(title: str, detectors: Mapping[str, Sequence[Metric]]) -> Table:
    """A row for each metric, a column for each detector; the interval only of what they say together."""
    names = list(dict.fromkeys(metric.name for metrics in detectors.values() for metric in metrics))
    cells = {
        (name, metric.name): _cell(metric, interval=name == TOGETHER)
        for name, metrics in detectors.items()
        for metric in metrics
    }
    rows = [(metric, *(cells.get((name, metric)) for name in detectors)) for metric in names]
    return title, ("metric", *detectors), rows


def _cell(metric: Metric, *, interval: bool) -> str:
    return f"{metric.value:.3f} ({metric.low:.2f}-{metric.high:.2f})" if interval else f"{metric.value:.3f}"
