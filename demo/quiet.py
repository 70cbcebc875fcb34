"""A crew whom nothing gives away but what they share: the same few files, and notices in the same weeks."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from demo.company import Company
from demo.plot import Part
from demo.scene import Scene
from demo.streams import stream

KIND, SIZE = "quiet_crew", 3
FEWEST_PEOPLE, FEWEST_DAYS = 100, 60
FILES, DAYS = 20, 8
NUMBER = 1_000
"""Of the crew: above those of the others."""


def quiet_crew(company: Company, busy: Collection[int]) -> list[Part]:
    """Three of a team, none of whom plays any other part. They are still there at the end, so that nobody else's days
    change; in a company that is too small or too young there are none."""
    staff, days = company.staff, len(company.days)
    if staff.employees < FEWEST_PEOPLE or days < FEWEST_DAYS:
        return []
    rng = stream(company.seed, KIND)
    leads = set(staff.people["manager"].to_list())
    roles = staff.is_role("admin", "analyst", "night", "service", "contractor", "part_time")
    free = [who for who in range(staff.employees) if who not in busy and who not in leads and not roles[who]]
    teams = staff.people["team"].to_list()
    for first in rng.permutation(free):
        mates = [who for who in free if teams[who] == teams[int(first)]][:SIZE]
        if len(mates) == SIZE:
            act = int(rng.choice([day for day in company.working_days if days - 35 <= day < days - 24]))
            filed = act + int(rng.integers(8, 13))
            parts = []
            for who in mates:
                own = filed + int(rng.integers(0, 6))
                last = days + int(rng.integers(5, 15))
                parts.append(Part(who, KIND, act + int(rng.integers(0, 3)), own, last, crew=NUMBER))
            return parts
    return []


def act_quietly(scene: Scene) -> None:
    """Two or three of the crew's files a working day, in an order of one's own."""
    shared = stream(scene.company.seed, KIND, "files").choice(scene.company.customer_files, FILES, replace=False)
    own = scene.rng.permutation(shared)
    days = scene.working_days(scene.part.act, DAYS)
    for day, files in zip(days, np.array_split(own, len(days)), strict=True):
        scene.act("m365", "download", scene.clock(day, scene.hour(), 60, len(files)), doc=files)
