"""What other systems are told: alerts that came, changed or went."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from access.lens import Lens
from api import masking
from app.beside import beside
from app.pseudonyms import pseudonyms
from core.access import Caller
from core.alert import Alert
from core.calendar import CompanyCalendar
from core.directory import Directory
from core.ports import Herald, Records

AT_ONCE = 500


def tell(records: Records, herald: Herald) -> int:
    """Tell everything that is untold, persons by pseudonym, one process at a time, so that what is told last of an
    alert is true; returns how much it was."""
    told, lens = 0, _outside(records)
    with records.alone("tell"):
        while news := records.untold(AT_ONCE):
            herald.tell([replace(one, now=one.now and _masked(one.now, lens)) for one in news])
            records.told(news)
            told += len(news)
    return told


def _outside(records: Records) -> Lens:
    """What other systems see of persons."""
    nobody = Caller(name="", roles=frozenset(), permissions=frozenset())
    return Lens(nobody, Directory([], [], [], {}, CompanyCalendar()), pseudonyms(records))


def _masked(alert: Alert, lens: Lens) -> Alert:
    return replace(masking.telling(alert, lens), person=lens.pseudonym(alert.person), why="")


def telling(records: Records, herald: Herald, every: float) -> AbstractContextManager[None]:
    """Tell what is untold every so many seconds, beside whatever is done meanwhile: who judges never waits for who
    listens. What cannot be told is told later."""
    return beside("telling", lambda: tell(records, herald), every)
