"""What other systems are told: alerts that came, changed or went."""

from __future__ import annotations

from contextlib import AbstractContextManager

from app.beside import beside
from core.ports import Herald, Records

AT_ONCE = 500


def tell(records: Records, herald: Herald) -> int:
    """Tell everything that is untold, one process at a time, so that what is told last of an alert is true; returns
    how much it was."""
    told = 0
    with records.alone("tell"):
        while news := records.untold(AT_ONCE):
            herald.tell(news)
            records.told(news)
            told += len(news)
    return told


def telling(records: Records, herald: Herald, every: float) -> AbstractContextManager[None]:
    """Tell what is untold every so many seconds, beside whatever is done meanwhile: who judges never waits for who
    listens. What cannot be told is told later."""
    return beside("telling", lambda: tell(records, herald), every)
