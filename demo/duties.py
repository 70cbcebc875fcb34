"""What machines and special roles do: backups, the integration, administrators, travellers' logins."""

from __future__ import annotations

import numpy as np

from demo.attendance import trip_address
from demo.company import HOUR, Company
from demo.intents import Intents
from demo.streams import Bools, Ints, stream

BACKUP_FILES = 3
"""Files the backup reads a night, per person."""
BACKUP_LEAST = 200


def add_duties(company: Company, there: Bools, away: Ints, intents: Intents) -> None:
    """Add all of them."""
    _backup(company, intents)
    _integration(company, intents)
    _administration(company, there, intents)
    _arrivals(company, there, away, intents)


def _backup(company: Company, intents: Intents) -> None:
    """Every night from one o'clock the backup reads a stretch of the shares, file after file."""
    rng = stream(company.seed, "backup")
    who = company.staff.column("login").index("svc_backup")
    files = max(BACKUP_LEAST, BACKUP_FILES * company.staff.employees)
    for day, start in enumerate(company.starts):
        at = start + HOUR + np.cumsum(rng.integers(200_000, 1_800_000, files))
        doc = (day * files + np.arange(files)) % company.documents.height
        intents.add("windows", "backup_read", who, at, doc=doc)


def _integration(company: Company, intents: Intents) -> None:
    """The data warehouse fetches customers by bulk query every night and changes every hour."""
    rng = stream(company.seed, "integration")
    who = company.staff.column("login").index("svc_integration")
    days = len(company.days)
    nightly = company.starts + 2 * HOUR + rng.integers(0, HOUR, days)
    intents.add("salesforce", "bulk_query", who, nightly, n=rng.integers(20, 60, days) * company.staff.employees)
    hourly = (company.starts[:, None] + np.arange(24)[None, :] * HOUR).ravel() + rng.integers(0, HOUR // 9, days * 24)
    intents.add("salesforce", "api_query", who, hourly, n=rng.integers(5, 400, len(hourly)))


def _administration(company: Company, there: Bools, intents: Intents) -> None:
    """Administrators change rights and accounts daily; some of it late in the evening."""
    rng = stream(company.seed, "administration")
    staff = company.staff
    deeds = (
        ("salesforce", "setup_permission", 0.5),
        ("salesforce", "setup_password", 0.3),
        ("windows", "permission", 0.8),
        ("windows", "password_reset", 0.4),
        ("windows", "account_enabled", 0.15),
        ("windows", "account_disabled", 0.12),
        ("windows", "account_created", 0.06),
        ("windows", "account_deleted", 0.03),
        ("windows", "read", 3.0),
        ("m365", "role_added", 0.1),
        ("m365", "user_updated", 0.4),
        ("m365", "password_reset", 0.25),
        ("m365", "site_permission", 0.2),
    )
    admins = np.flatnonzero(staff.is_role("admin"))
    for system, what, mean in deeds:
        counts = rng.poisson(mean * there[admins])
        row, day = (np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts))
        target = rng.integers(0, staff.employees, len(row))
        hour = np.where(rng.random(len(row)) < 0.1, rng.uniform(20, 23, len(row)), rng.uniform(9, 18, len(row)))
        at = (company.starts[day] + hour * HOUR).astype(np.int64)
        doc = rng.integers(0, company.documents.height, len(row))
        emails = staff.people["email"].gather(target)
        intents.add(system, what, admins[row], at, doc=doc, n=target, to=emails)


def _arrivals(company: Company, there: Bools, away: Ints, intents: Intents) -> None:
    """On the first day of a trip one logs in from a hotel; some mistype the password first."""
    rng = stream(company.seed, "arrivals")
    for who in np.flatnonzero(away.any(axis=1)):
        days = np.flatnonzero((away[who] > 0) & there[who])
        slips = int(rng.integers(1, 3)) if rng.random() < 0.25 else 0
        moment = rng.uniform(8, 22)
        if not len(days):
            continue
        at = np.array([company.starts[days[0]] + int(moment * HOUR)])
        address = trip_address(int(away[who, days[0]]))
        for slip in range(slips):
            intents.add("m365", "login_failed", int(who), at + slip * 40_000_000, ip=address)
        intents.add("m365", "login", int(who), at + slips * 45_000_000, ip=address)
