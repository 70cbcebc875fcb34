"""Who works at the made-up company, with which accounts, where and when."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from demo.streams import Bools, Ints, salesforce_id, stream, with_checksum
from demo.words import DEPARTMENTS, DOMAIN, FIRST, GIVEN, LAST, PRIVATE_MAIL, SURNAMES

TEAM = 8
USES_CRM = frozenset({"sales", "success", "support", "marketing", "bi"})
SERVICES = ("svc_backup", "svc_integration")
CONTRACTORS = 0.03


@dataclass(frozen=True, slots=True)
class Staff:
    """`people` has a row per account holder: the employees first, then contractors, then service accounts.
    Everybody is named by the row number (`who`)."""

    people: pl.DataFrame
    employees: int

    def __len__(self) -> int:
        return self.people.height

    def is_role(self, *roles: str) -> Bools:
        """Which rows have one of the roles."""
        return self.people["role"].is_in(roles).to_numpy()

    def is_in(self, *departments: str) -> Bools:
        """Which rows are of one of the departments."""
        return self.people["dept"].is_in(departments).to_numpy()

    def column(self, name: str) -> list[str]:
        """One column of texts."""
        return self.people[name].to_list()

    def team_of(self, who: int) -> Ints:
        """The others of the person's team."""
        teams = self.people["team"].to_numpy()
        same = np.flatnonzero(teams[: self.employees] == teams[who])
        return np.asarray(same[same != who])


def hire(employees: int, start: date, seed: int) -> Staff:
    """The whole staff on the first simulated day."""
    rng = stream(seed, "staff")
    contractors = max(1, round(employees * CONTRACTORS)) if employees >= 10 else 0
    total = employees + contractors
    depts = _departments(employees, rng) + list(rng.choice(["rnd", "support", "marketing"], contractors))
    teams, leads = _teams(depts, employees)
    names, mails = _names(total, rng)
    roles = _roles(depts, employees, rng)
    night = np.array([role == "night" for role in roles])
    part = np.array([role == "part_time" for role in roles])
    starts = np.where(night, rng.uniform(19.5, 21.5, total), rng.normal(9, 0.5, total).clip(7.5, 10.5))
    people = pl.DataFrame(
        {
            "no": [f"E{number + 10001}" if number < employees else "" for number in range(total)],
            "name": names,
            "email": [f"{mail}@{DOMAIN}" for mail in mails],
            "login": mails,
            "dept": depts,
            "department": [DEPARTMENTS[dept][0] for dept in depts],
            "team": teams,
            "manager": [0 if lead == who else lead for who, lead in enumerate(leads)],
            "title": [
                f"{DEPARTMENTS[dept][0]}经理" if lead == who else str(rng.choice(DEPARTMENTS[dept][2]))
                for who, (dept, lead) in enumerate(zip(depts, leads, strict=True))
            ],
            "role": roles,
            "crm": [dept in USES_CRM and who < employees for who, dept in enumerate(depts)],
            "starts": starts,
            "hours": np.where(part, 4.5, rng.normal(8.8, 0.5, total).clip(7.5, 10.5)),
            "rate": rng.lognormal(-0.08, 0.4, total),
            "hired": [start - timedelta(days=int(days)) for days in rng.integers(30, 3200, total)],
            "private": _private(mails, rng),
        }
    )
    return Staff(_with_accounts(pl.concat([people, _services(people, start)])), employees)


def _departments(employees: int, rng: np.random.Generator) -> list[str]:
    """Departments by their shares, at least one of sales, IT and reporting in any company."""
    shares = np.array([share for _, share, _ in DEPARTMENTS.values()])
    depts = [str(dept) for dept in rng.choice(list(DEPARTMENTS), employees, p=shares / shares.sum())]
    for place, dept in enumerate(("sales", "it", "bi", "sales", "success")[: employees // 2]):
        depts[place] = dept
    return depts


def _teams(depts: list[str], employees: int) -> tuple[list[int], list[int]]:
    """Teams of `TEAM` within a department, and who leads them: the first of each. Contractors join one."""
    team_at: dict[tuple[str, int], int] = {}
    leader: list[int] = []
    seen: Counter[str] = Counter()
    teams: list[int] = []
    for who, dept in enumerate(depts):
        key = (dept, min(seen[dept], max(0, employees)) // TEAM)
        seen[dept] += 1
        if key not in team_at:
            team_at[key] = len(leader)
            leader.append(who)
        teams.append(team_at[key])
    return teams, [leader[team] for team in teams]


def _names(total: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Display names and the mail names made from them; namesakes get a number."""
    taken: Counter[str] = Counter()
    names: list[str] = []
    mails: list[str] = []
    for western, a, b in zip(rng.random(total) < 0.12, rng.random(total), rng.random(total), strict=True):
        if western:
            first, last = FIRST[int(a * len(FIRST))], LAST[int(b * len(LAST))]
            name, mail = f"{first} {last}", f"{first}.{last}".lower()
        else:
            (hanzi, pinyin), (own, own_pinyin) = SURNAMES[int(a * a * len(SURNAMES))], GIVEN[int(b * len(GIVEN))]
            name, mail = hanzi + own, f"{pinyin}.{own_pinyin}"
        taken[mail] += 1
        names.append(name)
        mails.append(mail if taken[mail] == 1 else f"{mail}{taken[mail]}")
    return names, mails


def _roles(depts: list[str], employees: int, rng: np.random.Generator) -> list[str]:
    roles = []
    for who, (dept, chance) in enumerate(zip(depts, rng.random(len(depts)), strict=True)):
        if who >= employees:
            roles.append("contractor")
        elif dept == "bi":
            roles.append("analyst")
        elif dept == "it":
            roles.append("admin" if chance < 0.6 or who < 5 else "ordinary")
        elif dept == "support" and chance < 0.1:
            roles.append("night")
        else:
            roles.append("part_time" if chance > 0.97 else "ordinary")
    return roles


def _private(mails: list[str], rng: np.random.Generator) -> list[str]:
    hosts = rng.choice(PRIVATE_MAIL, len(mails))
    numbers = rng.integers(100, 99999, len(mails))
    return [f"{m.replace('.', '')}{n}@{h}" for m, n, h in zip(mails, numbers, hosts, strict=True)]


def _services(people: pl.DataFrame, start: date) -> pl.DataFrame:
    rows = people.head(0)
    service = {"dept": "it", "department": "", "team": -1, "manager": 0, "title": "", "role": "service", "no": ""}
    clock = {"starts": 1.0, "hours": 3.0, "rate": 1.0, "hired": start, "private": "", "crm": False}
    return rows.vstack(
        pl.DataFrame(
            [{"name": n, "email": f"{n}@{DOMAIN}", "login": n, **service, **clock} for n in SERVICES],
            schema=rows.schema,
        )
    )


def _with_accounts(people: pl.DataFrame) -> pl.DataFrame:
    """Account names and addresses of every system, made from the row number."""
    rows = range(people.height)
    short = [salesforce_id("005", 57_000 + 37 * who) for who in rows]
    return people.with_columns(
        pl.int_range(pl.len(), dtype=pl.Int32).alias("who"),
        pl.Series("sf15", short),
        pl.Series("sf18", [with_checksum(one) for one in short]),
        pl.Series("sid", [f"S-1-5-21-3457937927-2839227994-823803824-{1104 + who}" for who in rows]),
        pl.Series("host", [f"PC-{who + 1:04d}" for who in rows]),
        pl.Series("ip", [f"10.{20 + who // 60000}.{who // 240 % 250}.{who % 240 + 10}" for who in rows]),
        pl.Series("home_ip", [f"198.18.{who // 250 % 256}.{who % 250 + 1}" for who in rows]),
        pl.Series("office_ip", [f"203.0.113.{who % 6 + 10}" for who in rows]),
        pl.col("login").map_elements(lambda login: f"adm.{login}", return_dtype=pl.String).alias("admin_login"),
    )
