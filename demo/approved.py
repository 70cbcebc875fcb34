"""What looks like a deed and was approved beforehand: large exports, clear-ups of the archive, parcels to customers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from demo.company import Company
from demo.intents import Intents
from demo.plot import Cast, Part, date_of
from demo.salesforce import REPORT_COUNT, report_id
from demo.scene import Scene
from demo.streams import Bools, stream

EXPORTS, PARCELS = 0.015, 0.01
"""Shares of CRM users who draw a large report, and of people who mail a customer many files, both approved."""
MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A row of the file of approvals or change tickets. Days hold from the first to the last moment."""

    number: str
    email: str
    recipient: str = ""
    purpose: str
    first: int
    last: int
    files: str = ""
    approver: str


@dataclass(slots=True)
class Papers:
    """Everything approved, and who therefore did what looks odd."""

    approvals: list[Paper] = field(default_factory=list)
    changes: list[Paper] = field(default_factory=list)
    people: list[tuple[int, str]] = field(default_factory=list)


def act_approved(company: Company, cast: Cast, there: Bools, intents: Intents) -> Papers:
    """What some people do who have it approved, by the working day before."""
    papers = Papers()
    rng = stream(company.seed, "approved")
    staff = company.staff
    busy = {part.who for part in (*cast.thieves, *cast.leavers)}
    free = [int(who) for who in rng.permutation(staff.employees) if who not in busy]
    users = [who for who in free if staff.people["crm"][who] and not staff.is_role("analyst")[who]]
    for who in users[: max(1, round(len(users) * EXPORTS))]:
        _draw(company, who, _a_day(there, who, rng), intents, papers)
    admins = [who for who in free if staff.is_role("admin")[who]]
    for who in admins[:1]:
        _clear_archive(company, who, _a_day(there, who, rng), intents, papers)
    others = [who for who in free if who not in users and who not in admins]
    for who in others[: max(1, round(len(others) * PARCELS))]:
        _parcel(company, who, _a_day(there, who, rng), intents, papers)
    return papers


def _a_day(there: Bools, who: int, rng: np.random.Generator) -> int:
    """A day on which the person is there, the first left out where there are others."""
    days = np.flatnonzero(there[who])
    return int(rng.choice(days[1:] if len(days) > 1 else days)) if len(days) else 0


def _draw(company: Company, who: int, day: int, intents: Intents, papers: Papers) -> None:
    """A report of all customers, for a partner's audit or a letter to all of them."""
    scene = Scene(company, Part(who, "approved_export", day), intents)
    report, times = int(scene.rng.integers(REPORT_COUNT)), int(scene.rng.integers(2, 4))
    rows = scene.split(scene.within(12_000, 60_000), times)
    scene.act("salesforce", "report_export", scene.clock(day, scene.hour(), 60, times), doc=report, n=rows)
    purpose = str(scene.rng.choice(["年度客户数据核对", "审计抽样", "客户满意度调查名单"]))
    papers.approvals.append(_paper(scene, len(papers.approvals), purpose, files=report_id(report)))
    papers.people.append((who, "approved exporter"))


def _clear_archive(company: Company, who: int, day: int, intents: Intents, papers: Papers) -> None:
    """Files of the archive that are due go from the share, by a change ticket that names them."""
    scene = Scene(company, Part(who, "approved_clear_up", day), intents)
    archive = np.flatnonzero(company.documents["folder"].str.starts_with("归档").to_numpy())
    due = scene.files(int(scene.rng.integers(160, 195)), archive)
    scene.act("windows", "delete", scene.clock(day, scene.hour(), 70, len(due)), doc=due)
    names = ";".join(company.documents["file"].gather(np.unique(due)))
    papers.changes.append(_paper(scene, len(papers.changes), "归档到期清理", files=names, kind="C"))
    papers.people.append((who, "approved clear-up"))


def _parcel(company: Company, who: int, day: int, intents: Intents, papers: Papers) -> None:
    """Many large mails to one customer who moves house with us."""
    scene = Scene(company, Part(who, "approved_parcel", day), intents)
    to = str(company.customers[int(scene.rng.integers(len(company.customers)))])
    at = scene.clock(day, scene.hour(), 120, int(scene.rng.integers(26, 40)))
    scene.act("postfix", "mail", at, n=scene.rng.integers(2 * MB, 9 * MB, len(at)), to=to)
    papers.approvals.append(_paper(scene, len(papers.approvals), "项目资料交付", recipient=to))
    papers.people.append((who, "approved parcel"))


def _paper(scene: Scene, number: int, purpose: str, recipient: str = "", files: str = "", kind: str = "A") -> Paper:
    staff, who, day = scene.company.staff, scene.part.who, scene.part.act
    return Paper(
        number=f"{kind}-{date_of(scene.company, day):%Y}-{number + 1:04d}",
        email=scene.email,
        recipient=recipient,
        purpose=purpose,
        first=day,
        last=day,
        files=files,
        approver=staff.column("email")[int(staff.people["manager"][who])],
    )


def approved_at(company: Company, paper: Paper) -> datetime:
    """When it was approved: the working afternoon before, or the early morning where there is no day before."""
    days = [int(day) for day in company.working_days if day < paper.first]
    zone = ZoneInfo(company.calendar.zone)
    if not days:
        return datetime.combine(date_of(company, paper.first), datetime.min.time(), zone) + timedelta(hours=1)
    return datetime.combine(date_of(company, days[-1]), datetime.min.time(), zone) + timedelta(hours=16)
