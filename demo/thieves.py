"""How each kind of thief goes about it. Volumes are ranges as published cases give them, not rules' limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from demo.habits import guest
from demo.plot import RAMP_DAYS
from demo.scene import Scene

MB = 1_000_000
PAPERS = ("xlsx", "docx", "pdf", "pptx", "csv")
HARMLESS = ("jpg", "png", "mp3", "mp4", "gif")


def burst(scene: Scene) -> None:
    """All customers in an hour or two: by reports, by the programming interface, or by one bulk query."""
    rows, way = scene.within(15_000, 200_000), scene.rng.random()
    day, hour = scene.part.act, scene.hour()
    if way < 0.6:
        times = int(scene.rng.integers(2, 8))
        docs = scene.rng.integers(0, 400, times)
        scene.act(
            "salesforce", "report_export", scene.clock(day, hour, 90, times), doc=docs, n=scene.split(rows, times)
        )
    elif way < 0.8:
        at = scene.clock(day, hour, 60, max(2, rows // 2000))
        scene.act("salesforce", "api_query_more", at, n=2000)
    else:
        scene.act("salesforce", "bulk_query", scene.clock(day, hour, 30, 2), n=scene.split(rows, 2))


def drip(scene: Scene) -> None:
    """A little of everything every working day for a month."""
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(20, 28))):
        files = int(scene.rng.integers(8, 25))
        if scene.has_crm:
            scene.act("salesforce", "report_export", scene.clock(day, scene.hour(), 5, 1), n=scene.within(300, 900))
        scene.act("m365", "download", scene.clock(day, scene.hour(), 60, files), doc=scene.files(files))
        if scene.rng.random() < 0.4:
            at = scene.clock(day, scene.hour(), 5, 1)
            scene.act("postfix", "mail", at, n=scene.within(0.8 * MB, 3 * MB), to=scene.private)


def delete(scene: Scene) -> None:
    """Mass deletion on the share, in the cloud or in the CRM."""
    count, way, day = scene.within(300, 5000), scene.rng.random(), scene.part.act
    if scene.has_crm and way < 0.35:
        times = max(2, count // 200)
        scene.act("salesforce", "api_delete", scene.clock(day, scene.hour(), 60, times), n=scene.split(count, times))
    elif way < 0.68:
        scene.act("windows", "delete", scene.clock(day, scene.hour(), 70, count), doc=scene.files(count))
    else:
        scene.act("m365", "recycle", scene.clock(day, scene.hour(), 70, count), doc=scene.files(count))


def mail_to_self(scene: Scene) -> None:
    """Mails full of attachments to the own private mailbox."""
    days = scene.working_days(scene.part.act, int(scene.rng.integers(1, 5)))
    for day, mails in zip(days, scene.split(scene.within(30, 150), len(days)), strict=True):
        at = scene.clock(day, scene.hour(), 120, int(mails))
        scene.act("postfix", "mail", at, n=scene.rng.integers(2 * MB, 14 * MB, len(at)), to=scene.private)


def forward(scene: Scene) -> None:
    """A mailbox rule that sends everything outside, and the mails it sends on from then on."""
    day = scene.part.act
    scene.act("m365", "forward_rule", scene.clock(day, scene.hour(9, 12), 10, 1), to=scene.private)
    for later in scene.working_days(day, int(scene.rng.integers(8, 22))):
        at = scene.clock(later, 12, 8 * 60, int(scene.rng.integers(5, 25)))
        scene.act("postfix", "mail_forwarded", at, n=scene.rng.integers(4_000, 400_000, len(at)), to=scene.private)


def disguise(scene: Scene) -> None:
    """Customer files renamed to holiday pictures, shared with anybody, and fetched from outside in the evening."""
    count, day, hour = scene.within(20, 120), scene.part.act, scene.hour(9.5, 15)
    papers = scene.company.documents["ext"].is_in(PAPERS).to_numpy() & scene.company.documents["customer"].to_numpy()
    files = scene.files(count, np.flatnonzero(papers))
    kind = str(scene.rng.choice(HARMLESS))
    first = int(scene.rng.integers(1000, 8000))
    names = [f"IMG_{first + number}.{kind}" for number in range(count)]
    scene.act("m365", "rename", scene.clock(day, hour, 60, count), doc=files, note=names)
    shared = scene.clock(day, hour + 1.2, 40, count)
    if scene.rng.random() < 0.65:
        scene.act("m365", "anonymous_link", shared, doc=files, note=names)
        fetched = scene.clock(day, 21, 60, count)
        scene.act("m365", "anonymous_use", fetched, doc=files, note=names, ip=scene.strange_address())
    else:
        scene.act("m365", "invite", shared, doc=files, note=names, to=_guest(scene.private))


def mass_download(scene: Scene) -> None:
    """Whole libraries downloaded or synchronised in an hour or two."""
    days = scene.working_days(scene.part.act, int(scene.rng.integers(1, 3)))
    what = "sync_download" if scene.rng.random() < 0.4 else "download"
    for day, count in zip(days, scene.split(scene.within(300, 3000), len(days)), strict=True):
        scene.act("m365", what, scene.clock(day, scene.hour(), 80, int(count)), doc=scene.files(int(count)))


def ghost(scene: Scene) -> None:
    """The account is still open after the last day: logs in from elsewhere and helps itself."""
    address = scene.strange_address()
    for day in range(scene.part.act, scene.part.act + int(scene.rng.integers(1, 5))):
        hour, count = scene.hour(19, 22), scene.within(30, 250)
        scene.act("m365", "login_failed", scene.clock(day, hour, 2, int(scene.rng.integers(1, 4))), ip=address)
        scene.act("m365", "login", scene.clock(day, hour + 0.05, 2, 1), ip=address)
        scene.act("m365", "download", scene.clock(day, hour + 0.15, 60, count), doc=scene.files(count), ip=address)
        if scene.has_crm:
            scene.act("salesforce", "login", scene.clock(day, hour + 0.1, 2, 1), ip=address)
            at = scene.clock(day, hour + 0.2, 30, 2)
            scene.act("salesforce", "report_export", at, n=scene.split(scene.within(500, 6000), 2), ip=address)


def removable(scene: Scene) -> None:
    """Customer files from the share to a stick."""
    days = scene.working_days(scene.part.act, int(scene.rng.integers(1, 4)))
    for day, count in zip(days, scene.split(scene.within(100, 2000), len(days)), strict=True):
        files, at = scene.files(int(count)), scene.clock(day, scene.hour(), 60, int(count))
        scene.act("windows", "read", at, doc=files)
        scene.act("windows", "removable", at + 300_000, doc=files)


def crew(scene: Scene) -> None:
    """One of several of a team who leave together: moderate amounts each, all to the same place outside."""
    home = f"team{scene.part.crew}.bid@{'qq.com' if (scene.part.crew or 0) % 2 else 'newco-partners.example'}"
    files = scene.within(80, 250)
    days = scene.working_days(scene.part.act, int(scene.rng.integers(2, 5)))
    for day in days:
        mails, rows = int(scene.rng.integers(4, 12)), scene.split(scene.within(3000, 9000), 2)
        scene.act("salesforce", "report_export", scene.clock(day, scene.hour(), 20, 2), n=rows)
        scene.act("m365", "download", scene.clock(day, scene.hour(), 60, files), doc=scene.files(files))
        at = scene.clock(day, scene.hour(), 60, mails)
        scene.act("postfix", "mail", at, n=scene.rng.integers(1 * MB, 9 * MB, mails), to=home)
    shared = scene.clock(days[0], 17, 30, 6)
    scene.act("m365", "invite", shared, doc=scene.files(6), to=_guest(home))


def reassign(scene: Scene) -> None:
    """Customers go over to a crony, batch after batch."""
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(1, 4))):
        times = int(scene.rng.integers(2, 5))
        at = scene.clock(day, scene.hour(), 60, times)
        scene.act("salesforce", "mass_transfer", at, n=scene.rng.integers(20, 110, times), to=scene.mate())


def night_owl(scene: Scene) -> None:
    """Collects night after night, when nobody is there."""
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(4, 11))):
        hour, files = scene.hour(22.3, 24.5), scene.within(50, 200)
        scene.act("m365", "download", scene.clock(day, hour, 120, files), doc=scene.files(files))
        scene.act("windows", "read", scene.clock(day, hour, 120, files), doc=scene.files(files))
        if scene.has_crm:
            scene.act("salesforce", "list_view", scene.clock(day, hour, 120, 25), n=200)


def ramp(scene: Scene) -> None:
    """A little more every day for two months, from next to nothing to a lot: what is usual is to grow along."""
    first, last = scene.part.act, scene.part.act + RAMP_DAYS
    for day in (day for day in scene.working_days(first, RAMP_DAYS) if day < last):
        grown = (day - first) / RAMP_DAYS
        files = scene.grown(1, 70, grown)
        if scene.has_crm:
            rows = scene.grown(20, 3000, grown)
            scene.act("salesforce", "report_export", scene.clock(day, scene.hour(), 5, 1), n=rows)
        scene.act("m365", "download", scene.clock(day, scene.hour(), 60, files), doc=scene.files(files))
        if scene.rng.random() < 0.3:
            at = scene.clock(day, scene.hour(), 5, 1)
            scene.act("postfix", "mail", at, n=scene.grown(0.1 * MB, 6 * MB, grown), to=scene.private)


def _guest(address: str) -> str:
    return str(guest(pl.Series([address]))[0])


_ALL = (
    burst,
    drip,
    delete,
    mail_to_self,
    forward,
    disguise,
    mass_download,
    ghost,
    removable,
    crew,
    reassign,
    night_owl,
    ramp,
)
DEEDS: Mapping[str, Callable[[Scene], None]] = {deed.__name__: deed for deed in _ALL}
