"""Right of access: everything that is held about one person, in one file that they can read and take with them."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import uuid4

import orjson

from app.answerwords import cover
from app.pseudonyms import pseudonyms
from app.subjects import taken_up
from app.thirdparties import ThirdParties
from app.wiring import House
from core.canonical import moment_text
from core.directory import ALWAYS, NEVER, Directory
from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.grounds import RuleException, keys_of
from core.happening import Happening
from core.ports import EventQuery, Records
from core.subjects import Right

PAGE = 5_000
AT_ONCE = 100
LANGUAGES = ("en", "zh")
STAFF = frozenset({"by", "owner", "who", "assignee", "employee", "for"})
"""Fields that say who of those who work with us did something, or is to do it; so do all that end in `_by`."""


def hand_over(house: House, start: str, *, by: str, employee: str = "") -> IO[bytes]:
    """Somebody else than who asked takes the file of the request whose id begins so, as `answer` writes it; the request
    is done then. The file has no name: nothing of it is left where it is let go of."""
    request = taken_up(house, start, Right.ACCESS, by=by, employee=employee)

    def keep(told: dict[str, int], at: datetime) -> None:
        house.records.answered_subject(replace(request, done=at, counts=told))

    with ExitStack() as unless_whole:
        try:
            file = unless_whole.enter_context(TemporaryFile(dir=house.config.data))
            _fill(house, request.person, file, keep)
        except OSError as error:
            raise Refused(f"the file cannot be written: {error.strerror}") from None
        unless_whole.pop_all()
    file.seek(0)
    return file


def answer(house: House, person: str, out: Path, *, by: str) -> dict[str, int]:
    """Write what is held about a person into a new zip file: a cover in both languages, `held.json`, and their events
    as they were stored, one JSON document a line. Other people in it are pseudonyms. Returns how much there is of each
    kind. Raises `Refused` where nothing is held or the file is there already."""

    def keep(told: dict[str, int], at: datetime) -> None:
        details = {"what": Right.ACCESS.value, **told}
        house.records.note(AuditEntry(at=at, by=by, deed=Deed.ANSWERED, about=[person], details=details))

    part = out.with_name(f".{out.name}.{uuid4().hex}.part")
    try:
        if out.exists():
            raise FileExistsError(out)
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w+b") as file:
            told = _fill(house, person, file, keep)
        os.link(part, out)
    except FileExistsError:
        raise Refused(f"{out} is there already") from None
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return told


def _fill(
    house: House, person: str, file: IO[bytes], keep: Callable[[dict[str, int], datetime], None]
) -> dict[str, int]:
    """`keep` notes that it is written, before anybody has it."""
    directory = house.directory()
    held = _held(house, directory, person)
    others = ThirdParties(directory, person, pseudonyms(house.records))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        days = _events(house, directory, person, others, packed)
        snapshots = _snapshots(house, person, others, packed)
        told = {name: len(value) for name, value in held.items() if isinstance(value, list)}
        told |= {"events": sum(days.values()), "snapshots": snapshots}
        if not any(told.values()) and not held["person"]["name"]:
            raise Refused("nothing is held about this person")
        text = others.masked([orjson.dumps(_plain(held, others)).decode()])[0]
        packed.writestr("held.json", orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2))
        for lang in LANGUAGES:
            packed.writestr(f"read-me.{lang}.md", cover(lang, held["person"], told, days, datetime.now(UTC)))
    file.flush()
    os.fsync(file.fileno())
    keep(told, datetime.now(UTC))
    return told


def _held(house: House, directory: Directory, person: str) -> dict[str, Any]:
    """All records about the person, but for events."""
    records = house.records
    accounts = {account for account, _, _ in directory.spans_of(person)}
    links = [link for link in records.links() if link.person == person]
    keys = {*accounts, *keys_of(person), *(link.account for link in links)}
    alerts = records.alerts(persons=[person], outcome=None)
    own = {alert.id for alert in alerts}.union(records.frozen_alerts_of(person))
    cases = [case for case in records.cases() if case.person == person or own.intersection(case.alerts)]
    worked_on = sorted({case.id for case in cases}.union(records.displaced_of(person)))
    entries = {entry.number: entry for about in (person, *worked_on) for entry in records.audited(about)}
    return {
        "person": asdict(directory.person(person)),
        "accounts": sorted(accounts),
        "links": [asdict(link) for link in links],
        "filings": [asdict(filing) for filing in directory.filings_of(person)],
        "alerts": [asdict(alert) for alert in alerts],
        "cases": [asdict(case) | {"alerts": [one for one in case.alerts if one in own]} for case in cases],
        "approvals": [asdict(one) for one in records.approvals() if one.account in keys],
        "exceptions": [asdict(one) for one in records.exceptions() if _speaks_for(one, directory, person, keys)],
        "incidents": [asdict(one) for one in records.incidents() if one.account in keys],
        "holds": [asdict(hold) for hold in records.holds() if person in hold.persons or hold.subject == person],
        "findings": [
            asdict(one) for model in records.models() for one in records.findings(model.card.id) if one.person == person
        ],
        "notices": [asdict(one) for one in records.notices() if one.person == person],
        "requests": [asdict(one) for one in records.subject_requests() if one.person == person],
        "unmaskings": [asdict(one) for one in records.unmaskings(person=person)],
        "actions": [asdict(one) for one in records.actions() if one.person == person],
        "tasks": [asdict(one) for case in worked_on for one in records.tasks(case)],
        "comments": [asdict(one) for case in worked_on for one in records.comments(case)],
        "attachments": [asdict(one) for case in worked_on for one in records.attachments(case)],
        "members": [asdict(one) for one in records.members() if one.person.id == person],
        # Whom it was meant for are those who work with us: no matter of the person's.
        "happenings": [asdict(one) | {"to": ()} for one in _happened(records) if one.person == person],
        "looks": [asdict(entries[number]) for number in sorted(entries)],
    }


def _speaks_for(exception: RuleException, directory: Directory, person: str, keys: set[str]) -> bool:
    """Whether an exception is of the person, who has these keys."""
    named = exception.person
    return bool(named) and (named in keys or person in directory.called(named))


def _happened(records: Records) -> Iterator[Happening]:
    after = -1
    while found := records.happened(after, PAGE):
        yield from found
        after = found[-1].number


def _events(
    house: House, directory: Directory, person: str, others: ThirdParties, packed: zipfile.ZipFile
) -> Counter[tuple[str, date]]:
    """Write the events of the person's accounts, from when until when they were theirs; how many of each source and
    company day."""
    days: Counter[tuple[str, date]] = Counter()
    house.events.catch_up()
    with packed.open("events.ndjson", "w", force_zip64=True) as out:
        for account, since, until in directory.spans_of(person):
            start, end = None if since == ALWAYS else since, None if until == NEVER else until
            after = None
            while True:
                query = EventQuery(start=start, end=end, accounts=[account], after=after, limit=PAGE)
                rows = house.events.read(query)
                if not rows.height:
                    break
                _write(out, others.masked(rows.write_ndjson().splitlines()))
                for source, at in rows.select("event.dataset", "@timestamp").iter_rows():
                    days[source or "", house.calendar.day_of(at)] += 1
                last = rows.row(-1, named=True)
                after = (last["@timestamp"], last["event.id"])
    return days


def _snapshots(house: House, person: str, others: ThirdParties, packed: zipfile.ZipFile) -> int:
    """Write what was frozen of the person's alerts, also of those that are gone."""
    count = 0
    alerts = house.records.frozen_alerts_of(person)
    with packed.open("snapshots.ndjson", "w", force_zip64=True) as out:
        for start in range(0, len(alerts), AT_ONCE):
            found = house.records.snapshots(alerts[start : start + AT_ONCE])
            _write(out, others.masked([one.body.decode() for one in found]))
            count += len(found)
    return count


def _write(out: IO[bytes], lines: list[str]) -> None:
    out.writelines(f"{line}\n".encode() for line in lines)


def _plain(held: dict[str, Any], others: ThirdParties) -> Any:
    """The records with other people's ids replaced where a field holds nothing but an id; how long something lasts in
    seconds."""

    def seen(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): others.staff(one) if _of_staff(key, one) else seen(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [seen(one) for one in value]
        if isinstance(value, datetime):
            return moment_text(value)
        if isinstance(value, timedelta):
            return int(value.total_seconds())
        return others.who(value) if isinstance(value, str) else value

    return seen(held)


def _of_staff(field: object, value: object) -> bool:
    return isinstance(value, str) and (field in STAFF or str(field).endswith("_by"))
