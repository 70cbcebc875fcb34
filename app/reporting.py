"""Compliance reports by themselves: once a week or month, into the data directory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import structlog

from app.compliance import Asked, write_report
from app.config import Config
from app.wiring import House, open_house
from cases.budget import monday
from core.errors import LeaverwatchError

SETTING = "compliance_report"
"""The period that was reported last."""
HOUR = 3600.0
log = structlog.get_logger()


def period_before(day: date, every: str) -> tuple[date, date, str]:
    """The last whole week or month before a day: its first day, its last one, its name."""
    if every == "weekly":
        first = monday(day) - timedelta(days=7)
        return first, first + timedelta(days=6), f"{first:%G-W%V}"
    last = day.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last, f"{last:%Y-%m}"


def report_due(house: House, at: datetime) -> Path | None:
    """Write the report of the last whole period, unless that was done or is being done; returns its folder. It lies
    there whole or not at all, whenever somebody dies."""
    every = house.config.evidence.report
    if not every:
        return None
    first, last, name = period_before(house.calendar.day_of(at), every)
    with house.records.unless_done("compliance report") as mine:
        if not mine or house.records.setting(SETTING) == name:
            return None
        folder = house.config.data / "reports" / name
        if not folder.exists():
            part = folder.with_name(f".{name}")
            shutil.rmtree(part, ignore_errors=True)
            write_report(
                house,
                Asked(first=first, last=last, recipient="leaverwatch", lang=house.config.evidence.report_lang, at=at),
                part,
            )
            part.rename(folder)
        house.records.set_setting(SETTING, name)
    log.info("compliance report written", period=name)
    return folder


@contextmanager
def reporting(config: Config, every: float = HOUR) -> Iterator[None]:
    """Write reports that are due, now and every so many seconds, beside whatever is done meanwhile."""
    done = Event()

    def work() -> None:
        while True:
            try:
                with open_house(config) as house:
                    report_due(house, datetime.now(UTC))
            except (LeaverwatchError, OSError) as error:
                log.warning("the compliance report waits", reason=str(error))
            except Exception as error:  # whatever it is, the next report is to be written
                log.error("the compliance report failed", reason=type(error).__name__)
            if done.wait(every):
                return

    thread = Thread(target=work, name="reporting", daemon=True)
    if config.evidence.report:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.ident:
            thread.join()
