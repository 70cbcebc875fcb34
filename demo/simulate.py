"""Make a company and write its raw logs: `leaverwatch simulate OUT`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from core.errors import Refused
from demo.approved import act_approved
from demo.attendance import attendance, trips
from demo.company import Company, found
from demo.duties import add_duties
from demo.habits import Ordinary
from demo.honest import act_leavers, act_others, who_and_why
from demo.hr import write_hr
from demo.intents import SYSTEMS, Intents
from demo.lines import Vendor, write
from demo.m365 import M365
from demo.plot import cast
from demo.postfix import POSTFIX
from demo.quiet import KIND, act_quietly, quiet_crew
from demo.salesforce import SALESFORCE
from demo.scene import Scene
from demo.thieves import DEEDS as FORESEEN
from demo.truth import Honest, Truth, thief_of
from demo.unforeseen import UNFORESEEN
from demo.windows import windows

DEEDS = {**FORESEEN, **UNFORESEEN}
TRUTH, UNFINISHED = "truth.json", ".unfinished"
"""`truth.json` is written last; until then the other file says whose the folders are."""
ROOM = 10
"""Days that thieves need who are asked to begin late."""
LAST_DAY = date(2026, 6, 30)
"""Where a simulation ends unless told otherwise: the end of a quarter, with holidays and make-up days before it."""


def simulate(
    out: Path,
    *,
    employees: int = 1000,
    days: int = 120,
    seed: int = 7,
    end: date | None = None,
    kinds: Sequence[str] = (),
    since: int = 0,
) -> Truth:
    """Write the logs of `days` days up to `end` under `out`, one folder per system, and `truth.json` beside them. With
    `kinds` the company has these thieves instead of its usual ones, who steal from day `since` on (`demo.plot.cast`).

    The same arguments give the same bytes. An earlier simulation in `out` is replaced. Raises `Refused` where its
    folders hold anything else, for fewer than two employees or one day, and for a kind that is none.
    """
    if employees < 2 or days < 1:
        raise Refused("a company has at least 2 employees and 1 day")
    if strange := sorted(set(kinds) - DEEDS.keys()):
        raise Refused(f"nobody steals like this: {', '.join(strange)}; there are: {', '.join(sorted(DEEDS))}")
    if not 0 <= since <= max(0, days - ROOM):
        raise Refused(f"from day {since} of {days} on nobody has time to steal: {ROOM} days are needed")
    _make_room(out)
    company = found(employees, days, seed, end or LAST_DAY)
    players = cast(company, kinds, since)
    there, away = attendance(company, players.last_days(len(company.staff))), trips(company)
    intents = Intents()
    Ordinary(company, there, away).add(intents)
    add_duties(company, there, away, intents)
    act_leavers(company, players, intents)
    papers = act_approved(company, players, there, intents)
    others = act_others(company, players, there, intents) + papers.people
    busy = {part.who for part in (*players.thieves, *players.leavers)} | {who for who, _ in others}
    if not kinds:
        players = replace(players, thieves=(*players.thieves, *quiet_crew(company, busy)))
    thieves = []
    for part in players.thieves:
        scene = Scene(company, part, intents)
        deed = act_quietly if part.kind == KIND else DEEDS[part.kind]
        deed(scene)
        if scene.times:
            thieves.append(thief_of(company, part, scene))
    write_hr(out, company, players, papers)
    counts = {vendor.folder: write(out, company, vendor, intents.of(vendor.folder)) for vendor in vendors(company)}
    truth = Truth(
        seed=seed,
        employees=employees,
        days=days,
        start=company.days[0],
        end=company.days[-1],
        thieves=sorted(thieves, key=lambda thief: (thief.start, thief.person)),
        honest=[
            Honest(person=company.staff.column("no")[who], email=company.staff.column("email")[who], why=why)
            for who, why in who_and_why(company, players, away, others)
        ],
        counts=counts,
    )
    truth.write(out / TRUTH)
    (out / UNFINISHED).unlink()
    return truth


def _make_room(out: Path) -> None:
    """Remove an earlier simulation, whole or broken off; real logs are never touched."""
    truth, unfinished = out / TRUTH, out / UNFINISHED
    folders = [out / name for name in ("hr", *SYSTEMS) if (out / name).exists()]
    if folders and not truth.exists() and not unfinished.exists():
        raise Refused(f"{out} holds logs that are no simulation's; give another folder")
    out.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    truth.unlink(missing_ok=True)
    for folder in folders:
        shutil.rmtree(folder)


def vendors(company: Company) -> tuple[Vendor, ...]:
    """The systems the company has."""
    return SALESFORCE, M365, windows(company), POSTFIX
