"""What other systems are told: alerts that came, changed or went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import structlog

from core.errors import Unavailable
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


@contextmanager
def telling(records: Records, herald: Herald, every: float) -> Iterator[None]:
    """Tell what is untold every so many seconds, beside whatever is done meanwhile: who judges never waits for who
    listens. What cannot be told is told later."""
    done = Event()

    def work() -> None:
        while not done.wait(every):
            try:
                tell(records, herald)
            except Unavailable as error:
                structlog.get_logger().warning("telling waits", reason=str(error))
            except Exception as error:  # whatever it is, alerts that come later are to be told
                structlog.get_logger().error("telling failed", reason=type(error).__name__)

    thread = Thread(target=work, name="telling")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
