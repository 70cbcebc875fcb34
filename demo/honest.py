"""What people do who must not be accused: leaving, handing over, clearing up, quarter-end lists."""

from __future__ import annotations

import numpy as np

from demo.attendance import quarter_rush
from demo.company import Company
from demo.intents import Intents
from demo.plot import Cast, Part
from demo.scene import Scene
from demo.streams import Bools, Ints, stream

WHY = {"leaver": "leaver", "handover": "handover", "clean_up": "clean-up", "withdrawn": "withdrawn resignation"}
ROLES = {"analyst": "reporting analyst", "admin": "administrator", "night": "night worker"}
NEW_MACHINE = 2
"""Number of the machine that synchronises; the usual one is 1."""
LISTS, TIDY, NEW_LAPTOP = 0.06, 0.01, 0.01
"""Shares of sales who draw long lists at a quarter's end, and of people who clear up without leaving or get a new
machine, which then synchronises their libraries."""


def act_leavers(company: Company, cast: Cast, intents: Intents) -> None:
    """Everything honest leavers leave behind in their last weeks."""
    for part in cast.leavers:
        scene = Scene(company, part, intents)
        if part.kind == "withdrawn":
            continue
        _farewell(scene)
        if part.kind == "handover":
            _hand_over(scene)
        if part.kind == "clean_up":
            _clear_up(scene, scene.before_leaving(3))


def act_others(company: Company, cast: Cast, there: Bools, intents: Intents) -> list[tuple[int, str]]:
    """What some others do who do not leave; returns who and why."""
    rng = stream(company.seed, "others")
    busy = {part.who for part in (*cast.thieves, *cast.leavers)}
    sellers = [int(who) for who in np.flatnonzero(company.staff.is_in("sales")) if who not in busy]
    sellers = [who for who in sellers if who < company.staff.employees]
    rush = np.flatnonzero(quarter_rush(company))
    found = []
    for who in rng.permutation(sellers)[: max(1, int(len(sellers) * LISTS))] if len(rush) else []:
        _long_lists(Scene(company, Part(int(who), "quarter_end", 0), intents), rush[there[who, rush]])
        found.append((int(who), "quarter-end exporter"))
    tidy = [who for who in range(company.staff.employees) if who not in busy]
    for who in rng.permutation(tidy)[: max(1, int(len(tidy) * TIDY))]:
        day = int(rng.choice(company.working_days))
        _clear_up(Scene(company, Part(int(who), "clean_up", day), intents), day)
        found.append((int(who), "clean-up"))
    for who in rng.permutation(tidy)[: max(1, int(len(tidy) * NEW_LAPTOP))]:
        _synchronise(Scene(company, Part(int(who), "new_laptop", int(rng.choice(company.working_days))), intents))
        found.append((int(who), "new laptop"))
    return found


def who_and_why(company: Company, cast: Cast, away: Ints, others: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Everybody who looks odd and is honest, with the reason; in order of persons."""
    guilty = {part.who for part in cast.thieves}
    found = [(part.who, WHY[part.kind]) for part in cast.leavers] + others
    found += [(int(who), "traveller") for who in np.flatnonzero(away.any(axis=1))]
    for role, why in ROLES.items():
        found += [(int(who), why) for who in np.flatnonzero(company.staff.is_role(role))]
    return sorted((who, why) for who, why in found if who not in guilty and who < company.staff.employees)


def _farewell(scene: Scene) -> None:
    """Own papers, a few small mails home, good-byes to customers and colleagues."""
    last, eve = scene.before_leaving(0), scene.before_leaving(1)
    if last is None or eve is None:
        return
    own = scene.company.own_files(scene.part.who)
    papers, home, others = (int(number) for number in scene.rng.integers((3, 0, 5), (25, 4, 25)))
    scene.act("m365", "download", scene.clock(eve, 14, 120, papers), doc=scene.files(papers, own))
    at = scene.clock(eve, 16, 60, home)
    scene.act("postfix", "mail", at, n=scene.within(30_000, 900_000), to=scene.private)
    addresses = scene.company.customers.gather(scene.rng.integers(0, len(scene.company.customers), others))
    scene.act("postfix", "mail", scene.clock(last, 11, 180, others), n=9_000, to=addresses.to_list())


def _hand_over(scene: Scene) -> None:
    """Files for the successor and the own customers in small numbers, over some days."""
    successor = scene.mate()
    for day in scene.working_days(scene.part.act + 1, int(scene.rng.integers(2, 6))):
        files = int(scene.rng.integers(2, 9))
        own = scene.company.own_files(scene.part.who)
        scene.act("m365", "share", scene.clock(day, 10, 360, files), doc=scene.files(files, own), to=successor)
        if scene.has_crm and scene.rng.random() < 0.5:
            scene.act("salesforce", "mass_transfer", scene.clock(day, 15, 60, 1), n=scene.within(2, 9), to=successor)


def _clear_up(scene: Scene, day: int | None) -> None:
    """Dozens of one's own old files go."""
    if day is None:
        return
    own = scene.company.own_files(scene.part.who)
    cloud, share = int(scene.rng.integers(12, 36)), int(scene.rng.integers(4, 20))
    scene.act("m365", "recycle", scene.clock(day, scene.hour(), 60, cloud), doc=scene.files(cloud, own))
    scene.act("windows", "delete", scene.clock(day, scene.hour(), 60, share), doc=scene.files(share, own))


def _synchronise(scene: Scene) -> None:
    """A new machine fetches what the person had on the old one."""
    who, documents = scene.part.who, scene.company.documents
    count = scene.within(50, 400)
    department = np.flatnonzero(
        (documents["dept"] == documents["dept"][int(scene.company.own_files(who)[0])]).to_numpy()
    )
    at = scene.clock(scene.part.act, scene.hour(), 90, count)
    scene.act("m365", "sync_download", at, doc=scene.files(count, department), n=NEW_MACHINE)


def _long_lists(scene: Scene, days: Ints) -> None:
    for day in days:
        times = int(scene.rng.integers(1, 4))
        rows = scene.rng.integers(600, 3200, times)
        scene.act(
            "salesforce", "report_export", scene.clock(int(day), scene.hour(), 120, times), doc=np.arange(times), n=rows
        )
