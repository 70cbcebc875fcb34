"""Thieves whom no rule was written for: each keeps to what many do on some day, and is odd by doing it so often, at
such hours or in such an order. Written without looking at which rule fires, and not to be tuned to any."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from demo.scene import Scene

KB = 1_000


def reader(scene: Scene) -> None:
    """Opens the customer book record by record and copies it by hand."""
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(9, 15))):
        for start in (scene.hour(9.5, 11), scene.hour(14, 16)):
            records = scene.within(14, 40)
            docs = scene.rng.integers(0, 400, records)
            scene.act("salesforce", "rest_view", scene.clock(day, start, 75, records), doc=docs)


def early_bird(scene: Scene) -> None:
    """Lists and reports on the screen before anybody else comes in; nothing is exported."""
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(7, 13))):
        lists, reports = (int(number) for number in scene.rng.integers((4, 2), (11, 6)))
        hour = scene.hour(6.3, 7.4)
        sizes = scene.rng.integers(30, 160, lists)
        scene.act("salesforce", "list_view", scene.clock(day, hour, 60, lists), n=sizes)
        docs = scene.rng.integers(0, 400, reports)
        at = scene.clock(day, hour, 60, reports)
        scene.act("salesforce", "report_run", at, doc=docs, n=scene.rng.integers(50, 400, reports))


def onlooker(scene: Scene) -> None:
    """Looks through customer files of other departments in the browser and takes photographs of the screen."""
    documents = scene.company.documents
    own = documents["dept"][int(scene.company.own_files(scene.part.who)[0])]
    others = np.flatnonzero(((documents["dept"] != own) & documents["customer"]).to_numpy())
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(2, 6))):
        looked = scene.within(30, 110)
        scene.act("m365", "view", scene.clock(day, scene.hour(), 100, looked), doc=scene.files(looked, others))


def courier(scene: Scene) -> None:
    """A few mails a day with a small file each, to one address of a company that nobody writes to."""
    to = f"project@{scene.company.customers[scene.part.who % 7].split('@')[0]}-consulting.example"
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(8, 15))):
        mails = int(scene.rng.integers(1, 5))
        at = scene.clock(day, scene.hour(), 90, mails)
        scene.act("postfix", "mail", at, n=scene.rng.integers(150 * KB, 1_500 * KB, mails), to=to)


def shuttle(scene: Scene) -> None:
    """Reads files on the share at noon, puts them into the own cloud library, and opens them at night."""
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(6, 12))):
        count, hour = int(scene.rng.integers(6, 16)), scene.hour(12, 12.8)
        files = scene.files(count)
        at = scene.clock(day, hour, 30, count)
        scene.act("windows", "read", at, doc=files)
        scene.act("m365", "upload", at + 90_000_000, doc=files)
        scene.act("m365", "view", scene.clock(day, scene.hour(20, 21.5), 40, count), doc=files)


def snipper(scene: Scene) -> None:
    """Destroys a little of everything every day: on the share, in the cloud, in the mailbox, in the book."""
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(9, 15))):
        share, cloud, mails = (int(number) for number in scene.rng.integers((2, 2, 2), (7, 8, 6)))
        scene.act("windows", "delete", scene.clock(day, scene.hour(), 60, share), doc=scene.files(share))
        scene.act("m365", "recycle", scene.clock(day, scene.hour(), 60, cloud), doc=scene.files(cloud))
        scene.act("m365", "mail_delete", scene.clock(day, scene.hour(), 30, mails))
        if scene.has_crm:
            scene.act("salesforce", "api_delete", scene.clock(day, scene.hour(), 10, 1))


def asker(scene: Scene) -> None:
    """Asks the book in small questions, as a program of one's own would, all day long."""
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(5, 11))):
        questions = scene.within(15, 45)
        rows = scene.rng.integers(8, 60, questions)
        docs = scene.rng.integers(0, 400, questions)
        scene.act("salesforce", "rest_query", scene.clock(day, 9.2, 8 * 60, questions), doc=docs, n=rows)


def confidant(scene: Scene) -> None:
    """Shares a few files a day with one colleague, who stays and passes them on."""
    emails = scene.company.staff.column("email")
    friend = emails[int(scene.rng.integers(0, scene.company.staff.employees))]
    for day in scene.working_days(scene.part.act, int(scene.rng.integers(7, 13))):
        files = int(scene.rng.integers(3, 10))
        scene.act("m365", "share", scene.clock(day, scene.hour(), 45, files), doc=scene.files(files), to=friend)


_ALL = (reader, early_bird, onlooker, courier, shuttle, snipper, asker, confidant)
UNFORESEEN: Mapping[str, Callable[[Scene], None]] = {deed.__name__: deed for deed in _ALL}
