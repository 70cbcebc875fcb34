"""What is known of who did what: confirmed cases, or the truth about a company that is made up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from app.wiring import House
from core.case import CaseState
from core.directory import Directory
from core.errors import Refused
from core.person import notice_at
from core.ports import EventQuery
from models.budget import Deed
from models.measures import TAKEN

TAKING = (
    "export",
    "download",
    "upload",
    "copy",
    "copy_to_removable",
    "print",
    "send",
    "share",
    "delete",
    "transfer_ownership",
)
"""Actions by which data is taken or goes."""
A_SECOND = timedelta(seconds=1)
BEFORE = timedelta(days=90)
"""No rule's finding is made of events older than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`deeds` went on within the days asked about; persons `left_out` are known for earlier or later ones, so they
    count neither as found nor as innocent. `hauls`: `models.measures.HAUL` of each deed, by person."""

    deeds: Sequence[Deed]
    left_out: frozenset[str]
    hauls: Mapping[str, pl.DataFrame]


class _Thief(BaseModel):
    person: str = Field(min_length=1)
    start: AwareDatetime
    end: AwareDatetime
    last_day: date | None = None
    kind: str = ""


class _Truth(BaseModel):
    thieves: list[_Thief]


def of_truth(house: House, directory: Directory, file: Path, start: datetime, end: datetime) -> Known:
    """What a file says that `leaverwatch simulate` wrote; all that its thieves took meanwhile is what they stole.
    Raises `Refused` where it says nothing, or speaks of strangers."""
    try:
        thieves = _Truth.model_validate_json(file.read_bytes()).thieves
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refused(f"{file}: {where + ': ' if where else ''}{first['msg']}") from None
    deeds = [Deed(**dict(thief)) for thief in thieves]
    if backwards := [deed.person for deed in deeds if deed.end < deed.start]:
        raise Refused(f"{file}: what {backwards[0]} did ends before it begins")
    if len({deed.person for deed in deeds}) < len(deeds):
        raise Refused(f"{file}: somebody is in it twice")
    if strangers := sorted({deed.person for deed in deeds} - directory.people()):
        raise Refused(f"{file}: nobody here is {strangers[0]}: is it the truth about another company?")
    now, others = _within(deeds, start, end)
    hauls = {
        deed.person: _taken(_events(house, directory, deed.person, deed.start.replace(microsecond=0), deed.end))
        for deed in now
    }
    return Known(deeds=now, left_out=others, hauls=hauls)


def of_cases(house: House, directory: Directory, start: datetime, end: datetime) -> Known:
    """What the alerts of confirmed cases say: a deed goes from the first event that they name to the last alert."""
    of_case = {alert for case in house.records.cases() if case.state == CaseState.CONFIRMED for alert in case.alerts}
    alerts = defaultdict(list)
    for alert in house.records.alerts(outcome=None) if of_case else ():
        if alert.id in of_case:
            alerts[alert.person].append(alert)
    deeds, hauls = [], {}
    for person, own in sorted(alerts.items()):
        first, last = (find(alert.time for alert in own) for find in (min, max))
        named = {event for alert in own for event in alert.events}
        events = _events(house, directory, person, first - BEFORE, last).filter(pl.col("event.id").is_in(list(named)))
        begun = min([first, *events["@timestamp"].to_list()])
        notice = notice_at(directory.filings_of(person), end)
        deeds.append(Deed(person=person, start=begun, end=last, last_day=notice.last_day if notice else None))
        hauls[person] = _taken(events)
    now, others = _within(deeds, start, end)
    return Known(deeds=now, left_out=others, hauls={deed.person: hauls[deed.person] for deed in now})


def _events(house: House, directory: Directory, person: str, first: datetime, last: datetime) -> pl.DataFrame:
    """Events of a person's accounts, both moments included."""
    query = EventQuery(
        start=first.astimezone(UTC),
        end=last.astimezone(UTC) + A_SECOND,
        accounts=directory.accounts_of([f"person:{person}"]),
        columns=["event.id", "@timestamp", "event.action", "data.records", "data.bytes"],
    )
    return house.events.read(query)


def _taken(events: pl.DataFrame) -> pl.DataFrame:
    taken = events.filter(pl.col("event.action").is_in(TAKING))
    numbers = {what: pl.col(f"data.{what}").cast(pl.Float64).fill_null(0) for what in TAKEN}
    return taken.select(pl.col("@timestamp").alias("at"), **numbers)


def _within(deeds: Sequence[Deed], start: datetime, end: datetime) -> tuple[list[Deed], frozenset[str]]:
    """The deeds that went on then, and the persons of the others."""
    now = [deed for deed in deeds if deed.start < end and deed.end >= start]
    return now, frozenset(deed.person for deed in deeds) - {deed.person for deed in now}
