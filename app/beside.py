"""What is done again and again beside the work of a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import structlog

from core.errors import LeaverwatchError


@contextmanager
def beside(name: str, work: Callable[[], object], every: float) -> Iterator[None]:
    """Work now and every so many seconds, in a thread, until the context ends, which waits for what is being done. What
    fails is told in the log and tried again the next time."""
    done = Event()
    log = structlog.get_logger()

    def again_and_again() -> None:
        while True:
            try:
                work()
            except (LeaverwatchError, OSError) as error:
                log.warning(f"{name} waits", reason=str(error))
            except Exception as error:  # whatever it is, the next time is to be tried
                log.error(f"{name} failed", reason=type(error).__name__)
            if done.wait(every):
                return

    thread = Thread(target=again_and_again, name=name)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
