"""Judging beside the service, where no process of its own does it: what a filing or a decision marks is judged at
once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from time import monotonic

import structlog

from app.beside import beside
from app.jobs import judge_marked
from app.notices import attend
from app.scoring import Scores
from app.wiring import House, open_house
from core.errors import LeaverwatchError
from core.judging import TROUBLE
from detection.judge import Judged

A_LOOK, LATE_SECONDS = 0.5, 600.0
"""How often it is looked whether anything is marked, and how often models look for events that came late."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""After how long it is tried again, which doubles each time."""
log = structlog.get_logger()


class Stopped(Exception):
    """The service ends. What is judged is kept, and the rest is marked still."""


class Judge:
    """Judges what is marked. Other processes that judge, such as an import, and this one take turns (see
    `core.ports.Marks.take`)."""

    def __init__(self, house: House) -> None:
        self._told: str | None = None
        self._house = house
        self._scores = Scores(pause=LATE_SECONDS)
        self._stopped = Event()
        self._looked = -LATE_SECONDS
        self._pause = 0.0
        self._failed = -LONGEST_PAUSE

    def look(self) -> None:
        """Judge what is marked, where anything is. What goes wrong is told, and tried again after a while."""
        if monotonic() - self._failed < self._pause:
            return
        try:
            if self._house.records.pending() or monotonic() - self._looked >= LATE_SECONDS:
                self._looked = monotonic()
                if spans := judge_marked(self._house, self._unless_stopped, self._scores):
                    log.info("judged", persons=spans)
                attend(self._house)
        except Stopped:
            return
        except Exception as error:
            self._looked = -LATE_SECONDS
            self._failed, self._pause = monotonic(), min(max(2 * self._pause, FIRST_PAUSE), LONGEST_PAUSE)
            with suppress(Exception):  # where this cannot be told either, readiness finds out by itself
                self._tell(str(error) if isinstance(error, LeaverwatchError) else type(error).__name__)
            raise
        self._pause = 0.0
        self._tell("")

    def stop(self) -> None:
        """End after the persons in hand."""
        self._stopped.set()

    def _tell(self, trouble: str) -> None:
        if trouble != self._told:
            self._house.records.set_setting(TROUBLE, trouble)
            self._told = trouble

    def _unless_stopped(self, _: Judged) -> None:
        if self._stopped.is_set():
            raise Stopped


@contextmanager
def judging(house: House) -> Iterator[None]:
    """Judge beside whatever is done in the context, in a house of its own."""
    with open_house(house.config) as own:
        judge = Judge(own)
        with beside("judging", judge.look, A_LOOK):
            try:
                yield
            finally:
                judge.stop()
